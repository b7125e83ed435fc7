# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""Clusters whose requests are counted by endpoint: a scene is a cluster in Envoy's form and its endpoints.

An endpoint is (weight, health, priority, zone), all but the first with a default; a zone's weight stands in `zones`.
"""

HEALTHY, DEGRADED, UNHEALTHY = "HEALTHY", "DEGRADED", "UNHEALTHY"
PLACED = {"locality_weighted_lb_config": {}}
POLICIES = "type.googleapis.com/envoy.extensions.load_balancing_policies."


def endpoint(weight=1, health=HEALTHY, priority=0, zone=""):
    return {"weight": weight, "health": health, "priority": priority, "zone": zone}


def level(priority, healthy, degraded=0, unhealthy=0, zone=""):
    """The endpoints of one priority."""
    healths = [HEALTHY] * healthy + [DEGRADED] * degraded + [UNHEALTHY] * unhealthy
    return [endpoint(health=health, priority=priority, zone=zone) for health in healths]


def typed(name, **settings):
    """A policy as a message of its own; the older enumeration has no field for what it says."""
    folder = {"LeastRequest": "least_request"}[name]
    config = {"@type": f"{POLICIES}{folder}.v3.{name}", **settings}
    return {"load_balancing_policy": {"policies": [{"typed_extension_config": {"name": "p", "typed_config": config}}]}}


# Name, the cluster's fields, its endpoints, the weights of its zones, the overprovisioning factor.
SCENES = []


def scene(name, fields, endpoints, zones=None, factor=None):
    SCENES.append({"name": name, "fields": fields, "endpoints": endpoints, "zones": zones or {}, "factor": factor})


def weights(*values):
    return [endpoint(weight) for weight in values]


ROUND_ROBIN = {"lb_policy": "ROUND_ROBIN"}
LEAST_REQUEST = {"lb_policy": "LEAST_REQUEST"}
RANDOM = {"lb_policy": "RANDOM"}
RING = {"lb_policy": "RING_HASH"}
MAGLEV = {"lb_policy": "MAGLEV"}

scene("round robin", ROUND_ROBIN, weights(1, 1, 1, 1))
scene("round robin of weights 1, 2, 3 and 10", ROUND_ROBIN, weights(1, 2, 3, 10))
scene("round robin of weights 1 and 300", ROUND_ROBIN, weights(1, 300))
scene("least request", LEAST_REQUEST, weights(1, 1, 1, 1, 1))
scene("least request of weights 1, 2 and 5", LEAST_REQUEST, weights(1, 2, 5))
scene(
    "least request of weights 1, 2 and 5 with a bias of 0",
    {**LEAST_REQUEST, "least_request_lb_config": {"active_request_bias": {"default_value": 0, "runtime_key": "a"}}},
    weights(1, 2, 5),
)
scene("least request of all", typed("LeastRequest", selection_method="FULL_SCAN"), weights(1, 1, 1, 1, 1))
scene("random", RANDOM, weights(1, 1, 1, 1, 1))
scene("random, which knows no weights", RANDOM, weights(1, 2, 3))
scene("ring hash without a hash", RING, weights(1, 2, 3, 4))
scene("Maglev without a hash", MAGLEV, weights(1, 2, 3, 4))
scene("some unhealthy", ROUND_ROBIN, level(0, 6, unhealthy=2))
scene("two levels, the first at 72%", ROUND_ROBIN, level(0, 18, unhealthy=7) + level(1, 4))
scene("two levels, the first at half", ROUND_ROBIN, level(0, 2, unhealthy=2) + level(1, 4))
scene("two levels, both at a quarter", ROUND_ROBIN, level(0, 1, unhealthy=3) + level(1, 1, unhealthy=3))
scene(
    "three levels at 25, 25 and 20%",
    ROUND_ROBIN,
    level(0, 1, unhealthy=3) + level(1, 1, unhealthy=3) + level(2, 1, unhealthy=4),
)
scene("degraded ones help out", ROUND_ROBIN, level(0, 2, degraded=2, unhealthy=4) + level(1, 1, unhealthy=3))
scene("only degraded ones", ROUND_ROBIN, level(0, 0, degraded=3, unhealthy=1))
scene("panic: a quarter is healthy", ROUND_ROBIN, level(0, 1, unhealthy=3))
scene("panic of one level", ROUND_ROBIN, level(0, 1, unhealthy=19) + level(1, 13, unhealthy=7))
scene("panic of all levels", ROUND_ROBIN, level(0, 0, unhealthy=2) + level(1, 0, unhealthy=8))
scene(
    "no panic",
    {**ROUND_ROBIN, "common_lb_config": {"healthy_panic_threshold": {"value": 0}}},
    level(0, 1, unhealthy=3),
)
scene("overprovisioned by two", ROUND_ROBIN, level(0, 2, unhealthy=2) + level(1, 4), factor=200)
scene("not overprovisioned", ROUND_ROBIN, level(0, 3, unhealthy=1) + level(1, 4), factor=100)
for healthy in (10, 7, 5, 2, 0):
    scene(
        f"zones of weights 1 and 2, the first at {10 * healthy}%",
        {**ROUND_ROBIN, "common_lb_config": PLACED},
        level(0, healthy, unhealthy=10 - healthy, zone="x") + level(0, 10, zone="y"),
        zones={"x": 1, "y": 2},
    )
scene(
    "zones of a level that is in part healthy",
    {**ROUND_ROBIN, "common_lb_config": PLACED},
    level(0, 1, unhealthy=3, zone="x") + level(0, 3, unhealthy=1, zone="y") + level(1, 2, zone="x") + level(1, 2, zone="y"),
    zones={"x": 1, "y": 3},
)
scene(
    "zones with least request",
    {**LEAST_REQUEST, "common_lb_config": PLACED},
    level(0, 3, zone="x") + level(0, 2, zone="y"),
    zones={"x": 3, "y": 1},
)

# Those whose endpoint follows from a hash; each is asked for a thousand keys.
HASHED = [
    ("ring hash", RING, weights(*[1] * 10)),
    ("ring hash of weights", RING, weights(1, 2, 3, 4, 5)),
    (
        "ring hash by MurmurHash2",
        {**RING, "ring_hash_lb_config": {"hash_function": "MURMUR_HASH_2"}},
        weights(*[1] * 10),
    ),
    ("a ring of 100 000 places", {**RING, "ring_hash_lb_config": {"minimum_ring_size": 100_000}}, weights(*[1] * 10)),
    ("ring hash past the unhealthy", RING, level(0, 8, unhealthy=2)),
    ("Maglev", MAGLEV, weights(*[1] * 10)),
    ("Maglev of weights", MAGLEV, weights(1, 2, 3, 4, 5)),
    ("Maglev of 1009 places", {**MAGLEV, "maglev_lb_config": {"table_size": 1009}}, weights(*[1] * 10)),
    ("ring hash over levels", RING, level(0, 2, unhealthy=2) + level(1, 4)),
    ("Maglev over levels", MAGLEV, level(0, 2, unhealthy=2) + level(1, 4)),
]
KEYS = 1000


def cluster(name, found, ports):
    """A scene's cluster in Envoy's form, its endpoints on the first of the ports."""
    groups = {}
    for port, each in zip(ports, found["endpoints"]):
        address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
        described = {
            "endpoint": {"address": address},
            "health_status": each["health"],
            "load_balancing_weight": each["weight"],
        }
        groups.setdefault((each["priority"], each["zone"]), []).append(described)
    localities = []
    for (priority, zone), members in groups.items():
        group = {"priority": priority, "lb_endpoints": members}
        if zone:
            group |= {"locality": {"zone": zone}, "load_balancing_weight": found["zones"][zone]}
        localities.append(group)
    assignment = {"cluster_name": name, "endpoints": localities}
    if found["factor"]:
        assignment["policy"] = {"overprovisioning_factor": found["factor"]}
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "5s",
        "load_assignment": assignment,
        **found["fields"],
    }


def routes():
    """The routes of all scenes: `/counted-N` and `/hashed-N`."""
    found = [(f"counted-{number}", {}) for number in range(len(SCENES))]
    by_key = {"hash_policy": [{"header": {"header_name": "x-key"}}]}
    found += [(f"hashed-{number}", by_key) for number in range(len(HASHED))]
    entries = [
        {"name": name, "match": {"path": f"/{name}"}, "route": {"cluster": name, **more}} for name, more in found
    ]
    return {"name": "all", "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": entries}]}


def clusters(ports):
    found = [cluster(f"counted-{number}", each, ports) for number, each in enumerate(SCENES)]
    for number, (name, fields, endpoints) in enumerate(HASHED):
        described = {"name": name, "fields": fields, "endpoints": endpoints, "zones": {}, "factor": None}
        found.append(cluster(f"hashed-{number}", described, ports))
    return found


def most_endpoints():
    return max(len(each["endpoints"]) for each in SCENES)
