# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""A sample of the cases through the library's real HTTP client: the backends see its attempts, as they see Envoy's.

The peer says what the caller saw; the backends say what reached them. Cases that a client of HTTP cannot send as they
stand, because it writes a part of the head by itself, are left out, each for one of the REASONS; and those in which a
rewrite makes a target of the path that our client is right not to send, REFUSED.
"""

import collections
import contextlib
import pathlib
import random
import re
import socket

import our_side
from envoy_side import upstream

# How many of the cases may be left out.
MOST_LEFT_OUT = 0.15
# What our client adds to every request, and Envoy without a tracer does not; no case has one of them.
CLIENT_REQUEST_HEADERS = {
    "traceparent": "the position in a trace that every request of the library has (W3C trace context)",
}
ORIGIN_FORM = re.compile(r"/[^\x00-\x20\x7f#]*")
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# RFC 9110 §7.6.1 and RFC 9112: these belong to one connection, and a client writes them by itself.
OF_THE_HOP = {"connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade", "expect"}


def has(names):
    return lambda case: any(name.lower() in names for name, _ in case["headers"])


REASONS = {
    "the method is none that HTTP has": lambda case: not TOKEN.fullmatch(case["method"]),
    "CONNECT asks for a tunnel": lambda case: case["method"] == "CONNECT",
    "the target is not in origin form": lambda case: not ORIGIN_FORM.fullmatch(case["path"]),
    "the authority is none": lambda case: not re.fullmatch(r"[^\x00-\x20\x7f-\U0010ffff/?#@\\]+", case["authority"]),
    "a field has a name that HTTP does not allow": lambda case: not all(
        TOKEN.fullmatch(name) for name, _ in case["headers"]
    ),
    "a field has a value that HTTP does not allow": lambda case: any(
        re.search(r"[\x00-\x08\x0a-\x1f\x7f]", value) for _, value in case["headers"]
    ),
    "fields belong to one connection": has(OF_THE_HOP),
    "a length is told, and there is no body": has({"content-length"}),
    "a position in a trace is told": has({"traceparent", "tracestate"}),
    "the authority is told twice": has({"host"}),
}

# RFC 9112 §3.2.1 and RFC 9113 §8.3.1: a target begins with "/". Envoy sends what a rewrite makes of it, whatever it is.
REFUSED = "a rewrite leaves a target that is not in origin form"


def reason(case):
    """Why a case is left out; None for those that are sent."""
    return next((name for name, holds in REASONS.items() if holds(case)), None)


def sample(cases, count, seed):
    """So many of the cases that can be sent, in their order, and how many of all are left out for each reason."""
    reasons = {case["id"]: reason(case) for case in cases}
    left_out = collections.Counter(name for name in reasons.values() if name)
    fit = [case for case in cases if not reasons[case["id"]]]
    chosen = random.Random(f"{seed}/http").sample(fit, min(count, len(fit)))
    return sorted(chosen, key=lambda case: case["id"]), left_out


def is_refused(envoy, ours):
    """Whether our client gave up where Envoy went on with a target that is not in origin form, and because of it."""
    targets = [bool(ORIGIN_FORM.fullmatch(record["path"])) for record in envoy["upstream"]]
    if all(targets) or "the path is not a request target" not in ours.get("thrown", ""):
        return False
    return len(ours["upstream"]) == targets.index(False)


@contextlib.contextmanager
def refused_port():
    """A port at which connections are refused for as long as the block lasts: bound, and not listened on."""
    with socket.socket() as refusing:
        refusing.bind(("127.0.0.1", 0))
        yield refusing.getsockname()[1]


def without_additions(record):
    """A request without what our client adds to every one."""
    kept = [[name, value] for name, value in record["headers"] if name not in CLIENT_REQUEST_HEADERS]
    return {**record, "headers": kept}


def run(peer, folder, tables, cases, backends):
    """The outcomes of our HTTP client, by case."""
    with refused_port() as refusing:
        path = our_side.tables_file(folder, tables, backends.ports, refusing)
        found = our_side.ask([peer, "--http", path], cases)
    seen = backends.dump(pathlib.Path(folder) / "seen-http.jsonl")
    for number, outcome in found.items():
        arrived = seen.get(str(number), [])
        attempts = sorted((each for each in arrived if each[2] is not None), key=lambda each: each[2])
        outcome["upstream"] = [without_additions(upstream(each)) for each in attempts]
        outcome["mirrors"] = [without_additions(upstream(each)) for each in arrived if each[2] is None]
    return found
