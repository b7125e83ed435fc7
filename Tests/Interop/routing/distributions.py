# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""What is drawn at random, compared as distributions: many requests to each of a few routes, counted on both sides.

A scene's outcomes are counted by a key; each side has to lie within five standard deviations of what the configuration
says. Some of that follows from how the one random number of a request is used for two things.
"""

import collections
import math

import actions

REQUESTS = 2_000
# Standard deviations; a test of a few dozen counts strays so far in one run of 50 000.
BOUND = 5.0


def percent(numerator, denominator="HUNDRED"):
    return {"default_value": {"numerator": numerator, "denominator": denominator}}


def weighted(**weights):
    return {"weighted_clusters": {"clusters": [{"name": name, "weight": weight} for name, weight in weights.items()]}}


def by_cluster(outcome):
    return outcome["upstream"][0]["cluster"] if outcome["upstream"] else str(outcome["status"])


def by_copies(outcome):
    return f"{len(outcome['mirrors'])} copies"


def fault(numerator):
    kind = "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault"
    abort = {"http_status": 418, "percentage": {"numerator": numerator}}
    return {"typed_per_filter_config": {"envoy.filters.http.fault": {"@type": kind, "abort": abort}}}


# Name, routes in front of the last one (which goes to c7), how outcomes are counted, what is expected.
SCENES = [
    ("weights of 20, 30 and 50", [weighted(c0=20, c1=30, c2=50)], by_cluster, {"c0": 0.2, "c1": 0.3, "c2": 0.5}),
    ("weights of 1 and 999", [weighted(c0=1, c1=999)], by_cluster, {"c0": 0.001, "c1": 0.999}),
    ("a quarter", [({"runtime_fraction": percent(25)}, {"cluster": "c0"})], by_cluster, {"c0": 0.25, "c7": 0.75}),
    (
        "half a percent",
        [({"runtime_fraction": percent(5_000, "MILLION")}, {"cluster": "c0"})],
        by_cluster,
        {"c0": 0.005, "c7": 0.995},
    ),
    # The same random number decides both: those whose number passed the first have one that is below 50 of 100.
    (
        "half, and half of it",
        [({"runtime_fraction": percent(50)}, weighted(c0=50, c1=50))],
        by_cluster,
        {"c0": 0.5, "c1": 0.0, "c7": 0.5},
    ),
    (
        "half, and what is left by a half",
        [
            ({"runtime_fraction": percent(50)}, {"cluster": "c0"}),
            ({"runtime_fraction": percent(50)}, {"cluster": "c1"}),
        ],
        by_cluster,
        {"c0": 0.5, "c1": 0.0, "c7": 0.5},
    ),
    (
        "three in ten are copied",
        [{"cluster": "c0", "request_mirror_policies": [{"cluster": "shadow0", "runtime_fraction": percent(30)}]}],
        by_copies,
        {"0 copies": 0.7, "1 copies": 0.3},
    ),
    ("two in five are aborted", [{"cluster": "c0", **fault(40)}], by_cluster, {"418": 0.4, "c0": 0.6}),
]


def generate(first):
    """The tables' file and the cases, numbered from `first`."""
    routes, cases = [], []
    for position, (_, actions_of_scene, _, _) in enumerate(SCENES):
        path = f"/scene-{position}"
        for number, entry in enumerate(actions_of_scene):
            match, action = entry if isinstance(entry, tuple) else ({}, entry)
            action = dict(action)
            more = {key: action.pop(key) for key in ["typed_per_filter_config"] if key in action}
            name = f"{position}.{number}"
            routes.append({"name": name, "match": {"path": path, **match}, "route": action, **more})
        routes.append({"name": f"{position}.rest", "match": {"path": path}, "route": {"cluster": "c7"}})
        for _ in range(REQUESTS):
            number = first + len(cases)
            case = {"id": number, "table": 0, "method": "GET", "scheme": "http", "authority": "any.test", "path": path}
            cases.append({**case, "headers": [["x-case", str(number)]], "scene": position})
    host = {"name": "all", "domains": ["*"], "routes": routes}
    kind = "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault"
    filters = [{"name": "envoy.filters.http.fault", "typed_config": {"@type": kind}}]
    table = {"trusts": True, "filters": filters, "routes": {"name": "drawn", "virtual_hosts": [host]}}
    return {"clusters": actions.CLUSTERS, "runtime": {}, "tables": [table]}, cases


def counted(cases, outcomes):
    """How often each outcome was seen, by scene."""
    found = [collections.Counter() for _ in SCENES]
    for case in cases:
        found[case["scene"]][SCENES[case["scene"]][2](outcomes[case["id"]])] += 1
    return found


def figures(who, cases, outcomes):
    """The checks of one side: (whether it holds, what it says)."""
    found = []
    for (name, _, _, expected), counts in zip(SCENES, counted(cases, outcomes)):
        holds = set(counts) <= set(expected)
        for key, share in expected.items():
            # A share of 0 is exact.
            room = BOUND * math.sqrt(REQUESTS * share * (1 - share))
            holds = holds and abs(counts[key] - REQUESTS * share) <= room
        found.append((holds, f"{name}, {who}: {dict(sorted(counts.items()))}"))
    return found
