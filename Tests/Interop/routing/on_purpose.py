# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""The differences from Envoy on purpose: each has a reason in Docs/Routing/Differences.md, and a predicate here.

A predicate sees the case, the field that differs, Envoy's value and ours, and Envoy's whole outcome; it is true where
the difference is the one that the document tells; `own` is our whole outcome, whose `thrown` is the error that our side
threw, if it did. Both have the same names, or the comparison refuses to run.
"""

import pathlib
import re

DOCUMENT = pathlib.Path(__file__).resolve().parents[3] / "Docs/Routing/Differences.md"
MOST = 10

PREDICATES = {}


def difference(predicate):
    """Registers a predicate under its name with dashes."""
    PREDICATES[predicate.__name__.replace("_", "-")] = predicate
    return predicate


@difference
def errors_are_thrown(case, field, envoy, ours, outcome, own):
    """Where Envoy makes an answer up, a library throws: there is no head and no body."""
    if field == "flag":
        # Envoy has no flag for a stream that lasted too long.
        return bool(own.get("thrown")) and outcome.get("details") == "max_duration_timeout"
    return bool(own.get("thrown")) and field in ("body", "response headers")


@difference
def every_deadline_is_told(case, field, envoy, ours, outcome, own):
    """Envoy tells upstreams of a route's timeout; the library of every deadline that there is, and in one field."""
    if field.endswith("time left"):
        return envoy is None
    return field.endswith("grpc-timeout") and ours is None


@difference
def replays_are_harmless(case, field, envoy, ours, outcome, own):
    """Envoy repeats whatever the route names; the library only what does no harm a second time."""
    return case["method"] in ("POST", "PATCH") and len(own["upstream"]) == 1 < len(outcome["upstream"])


@difference
def https_is_never_sent_in_cleartext(case, field, envoy, ours, outcome, own):
    """Envoy follows a redirect to https over a plaintext cluster; the library hands the redirect out."""
    leads_there = any(name == "x-script" and "location=https:" in value for name, value in case["headers"])
    return leads_there and 300 <= own["status"] < 400 and len(own["upstream"]) < len(outcome["upstream"])


def documented():
    """The names in the document: its headings of the second level that are code."""
    return re.findall(r"^## `([a-z-]+)`$", DOCUMENT.read_text(), re.MULTILINE)


def check_document():
    names = documented()
    if sorted(names) != sorted(PREDICATES) or len(names) > MOST:
        raise ValueError(f"{DOCUMENT} has {sorted(names)}, the predicates are {sorted(PREDICATES)}, at most {MOST}")


def reason(case, field, envoy, ours, outcome, own):
    """The name of the difference on purpose that this one is, or None."""
    for name, predicate in PREDICATES.items():
        if predicate(case, field, envoy, ours, outcome, own):
            return name
    return None
