# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""What the backends answer: the definition by which the Python servers and our peer's in-memory network both go.

A request tells its case in `x-case` and what its attempts meet in `x-script`:

    x-script: STEP,STEP,...

The n-th request of one case that reaches any cluster but a mirror's meets the n-th step; those behind the last step,
and requests without a script, meet `200`. A step is one of

    STATUS                      an answer with this status
    STATUS+NAME=VALUE+...       the same with these header fields, behind the standing ones; a value's `%xx` escapes
                                are undone, so that it may hold `,` and `+`
    reset                       the connection ends when the request has been read, and nothing was answered
    hang                        nothing happens for three seconds, and then the same as with `reset`

Every answer has an empty body (`content-length: 0`, none with 204 and 304), and the standing fields: `x-backend`, the
cluster's name, and `x-resp` twice, `one` and `two`. Mirrors' clusters answer 200 whatever the script says, and their
requests do not count. Counting goes on behind an internal redirect, since that request has the same case.
"""

import urllib.parse

HANG = 3
STANDING = [("x-resp", "one"), ("x-resp", "two")]


def parse(text):
    """The steps of a script: (status or "reset" or "hang", header fields)."""
    steps = []
    for step in filter(None, (text or "").split(",")):
        first, *fields = step.split("+")
        pairs = [field.partition("=") for field in fields]
        pairs = [(name, urllib.parse.unquote(value)) for name, _, value in pairs]
        steps.append((first if first in ("reset", "hang") else int(first), pairs))
    return steps


def step(text, number):
    """What the n-th request of a case meets, from 0."""
    steps = parse(text)
    return steps[number] if number < len(steps) else (200, [])


def answer(cluster, met):
    """The bytes of an answer."""
    status, fields = met
    lines = [f"HTTP/1.1 {status} Scripted", f"x-backend: {cluster}"]
    lines += [f"{name}: {value}" for name, value in [*STANDING, *fields]]
    if status not in (204, 304):
        lines.append("content-length: 0")
    return "\r\n".join([*lines, "", ""]).encode()
