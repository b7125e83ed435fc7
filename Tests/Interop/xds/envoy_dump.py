# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""What Envoy says of its configuration, compared with what a control plane sends: an acknowledgement proves nothing."""

import contextlib
import json

from checks import check, wait_for


def canonical_endpoints(assignment):
    """The endpoints of a cluster without what Envoy writes down of its defaults: it tells what became of them."""
    places = []
    for place in assignment.get("endpoints", []):
        endpoints = []
        for each in place.get("lb_endpoints", []):
            endpoint = {key: value for key, value in each["endpoint"].items() if value != {}}
            each = {"load_balancing_weight": 1, "health_status": "UNKNOWN", **each, "endpoint": endpoint}
            # Who is not known to be ill is healthy.
            each["health_status"] = each["health_status"].replace("UNKNOWN", "HEALTHY")
            endpoints.append({key: value for key, value in each.items() if value != {}})
        if endpoints:
            rest = {key: value for key, value in place.items() if key != "lb_endpoints" and value not in ({}, 0)}
            places.append({**rest, "lb_endpoints": sorted(endpoints, key=json.dumps)})
    policy = {"overprovisioning_factor": 140, **assignment.get("policy", {})}
    return {"name": assignment["cluster_name"], "endpoints": sorted(places, key=json.dumps), "policy": policy}


def told(envoy, follower, kind):
    """What Envoy has in force of a kind: its content, and its version where that says something.

    By state of the world it is that of the response in which Envoy saw the content first, and which changes become one
    response is different for each client. Envoy does not tell that of endpoints.
    """
    found = envoy.configured(kind)
    if kind == "eds":
        return {name: canonical_endpoints(content) for name, (_, content) in found.items()}
    return {name: (version if follower.is_delta else "", content) for name, (version, content) in found.items()}


def expected(follower, kind):
    """What Envoy should have, if it has all that was sent: endpoints of clusters that have them in themselves, too."""
    versions = follower.versions(kind)
    sent = follower.sent(kind)
    if kind != "eds":
        return {name: (versions[name] if follower.is_delta else "", content) for name, content in sent.items()}
    clusters = follower.sent("cds").values()
    inline = {each["name"]: each["load_assignment"] for each in clusters if "load_assignment" in each}
    return {name: canonical_endpoints(content) for name, content in {**inline, **sent}.items()}


def differences(envoy, follower, kind):
    ours, theirs = expected(follower, kind), told(envoy, follower, kind)
    return [f"{name}: sent {ours.get(name)}, told {theirs.get(name)}"[:2000] for name in sorted({*ours, *theirs})
            if ours.get(name) != theirs.get(name)]  # fmt: skip


def check_dump(envoy, follower, occasion, kinds=("lds", "rds", "cds", "eds")):
    """Checks that Envoy has what was sent, all of it and nothing else, by name, by version and by content."""
    for kind in kinds:
        # The two clients are told one after the other.
        with contextlib.suppress(TimeoutError):
            wait_for(lambda kind=kind: not differences(envoy, follower, kind), "Envoy has what was sent")
        left = differences(envoy, follower, kind)
        count = len(expected(follower, kind))
        check(not left, f"{occasion}: Envoy's configuration holds the {count} {kind.upper()} resources sent: {left[:1]}")
    waiting = envoy.dump("dynamic_warming_clusters") + envoy.refused()
    check(not waiting, f"{occasion}: nothing waits and nothing was refused: {waiting}")
