# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""What grpcio and our stack are both given by the control plane: one listener, a route for each scene, its clusters.

A call of a scene is `/SCENE/Get`; its endpoints have the first of the ports that it is given. Localities have names and
weights everywhere, because gRPC refuses a locality without the one and leaves out one without the other.
"""

import scenes
from scenes import DEGRADED, HEALTHY, endpoint, level, weights

PREFIX = "type.googleapis.com/"
FILTERS = PREFIX + "envoy.extensions.filters."
LISTENER = "table"
KEY = "x-key"
OTHER_KEY = "x-other"
BY_KEY = [{"header": {"header_name": KEY}}]
ADS = {"ads": {}, "resource_api_version": "V3"}

ROUND_ROBIN, RING = scenes.ROUND_ROBIN, scenes.RING


def ring(smallest=None, largest=None):
    sizes = {"minimum_ring_size": smallest, "maximum_ring_size": largest}
    return {**RING, "ring_hash_lb_config": {name: size for name, size in sizes.items() if size}}


def group(fields, endpoints, zones=None, factor=None, drops=None):
    """A cluster and its endpoints, in the form of `scenes.cluster`."""
    found = scenes.plain(fields, endpoints)
    return {**found, "zones": zones or {}, "factor": factor, "drops": drops or []}


def drop(category, percent):
    return {"category": category, "drop_percentage": {"numerator": percent, "denominator": "HUNDRED"}}


def healths(*values):
    return [endpoint(health=value) for value in values]


HALF = "a priority that is in part unhealthy"
NOBODY = "nobody is healthy"
# Where each request goes is certain: the counts are the same.
EXACT = {
    "round robin": group(ROUND_ROBIN, level(0, 4)),
    "round robin past the unhealthy": group(ROUND_ROBIN, level(0, 6, unhealthy=2)),
    "round robin of those of whom nothing is known, and past others": group(
        ROUND_ROBIN, healths("UNKNOWN", HEALTHY, "DRAINING", "TIMEOUT", DEGRADED, "UNKNOWN", HEALTHY)
    ),
    HALF: group(ROUND_ROBIN, level(0, 2, unhealthy=2) + level(1, 4)),
    "a priority that is unhealthy": group(ROUND_ROBIN, level(0, 0, unhealthy=3) + level(1, 2) + level(2, 2)),
    "two priorities that are unhealthy": group(
        ROUND_ROBIN, level(0, 0, unhealthy=2) + level(1, 0, unhealthy=1) + level(2, 3)
    ),
    "some are degraded, and none is healthy": group(ROUND_ROBIN, level(0, 0, degraded=2) + level(1, 2)),
    NOBODY: group(ROUND_ROBIN, level(0, 0, unhealthy=3)),
}

# Drawn: the shares are of one distribution.
SHARED = {
    "localities of weights 1 and 3": group(
        ROUND_ROBIN, level(0, 2, zone="x") + level(0, 3, zone="y"), zones={"x": 1, "y": 3}
    ),
    "localities of weights 1, 2 and 7, one of them in part unhealthy": group(
        ROUND_ROBIN,
        level(0, 2, zone="x") + level(0, 1, unhealthy=3, zone="y") + level(0, 2, zone="z"),
        zones={"x": 1, "y": 2, "z": 7},
    ),
    "20% are dropped, and 10% of the others": group(
        ROUND_ROBIN, level(0, 2), drops=[drop("throttle", 20), drop("shed", 10)]
    ),
    "localities of the second priority": group(
        ROUND_ROBIN,
        level(0, 0, unhealthy=2, zone="x") + level(1, 2, zone="x") + level(1, 1, zone="y"),
        zones={"x": 1, "y": 4},
    ),
}

# Weights of clusters, each of two endpoints.
SPLIT = {
    "clusters of weights 80 and 20": [80, 20],
    "clusters of weights 5, 3 and 2": [5, 3, 2],
    "clusters of weights 1 and 0 and 9999": [1, 0, 9999],
}

# The endpoint follows from the key: each key goes to the same one.
HASHED = {
    "ring hash": group(RING, level(0, 10)),
    "ring hash of weights": group(RING, weights(1, 2, 3, 4, 5)),
    "ring hash of 64 to 100 places": group(ring(64, 100), weights(1, 2, 3, 4, 5)),
    "ring hash of 4096 places": group(ring(4096, 4096), level(0, 9)),
    "ring hash of one place": group(ring(1, 1), level(0, 3)),
    "ring hash past the unhealthy": group(RING, level(0, 8, unhealthy=2)),
    "ring hash of the second priority": group(RING, level(0, 0, unhealthy=2) + level(1, 5)),
    "ring hash of localities of weights 1 and 3": group(
        RING, level(0, 3, zone="x") + level(0, 3, zone="y"), zones={"x": 1, "y": 3}
    ),
}
# Two headers, of which each key has both, the first or the second; the first of them ends the list in the last scene.
TWO_KEYS = {
    "ring hash by two headers": [{"header": {"header_name": KEY}}, {"header": {"header_name": OTHER_KEY}}],
    "ring hash by the first of two headers": [
        {"header": {"header_name": KEY}, "terminal": True},
        {"header": {"header_name": OTHER_KEY}},
    ],
}
for name in TWO_KEYS:
    HASHED[name] = group(RING, level(0, 10))

# What differs on purpose; `compare_grpc.py` says how.
WEIGHTED = "round robin of weights 1, 2 and 5"
LARGE_RING = "ring hash of 16384 places"
UNEVEN_ZONES = "ring hash of localities of unlike size"
DIFFERENT = {WEIGHTED: group(ROUND_ROBIN, weights(1, 2, 5))}
DIFFERENT_BY_KEY = {
    LARGE_RING: group(ring(16384), level(0, 9)),
    UNEVEN_ZONES: group(RING, level(0, 1, zone="x") + level(0, 6, zone="y"), zones={"x": 1, "y": 1}),
}
HASHED_AT_ALL = {**HASHED, **DIFFERENT_BY_KEY}
ONE_CLUSTER = {**EXACT, **SHARED, **HASHED_AT_ALL, **DIFFERENT}


def path(name):
    """The scene as the service of a call."""
    return "/" + name.replace(",", "").replace("%", "").replace(" ", "-") + "/"


def resources_of(name, found, ports):
    """A cluster and its endpoints."""
    cluster = scenes.cluster(name, found, ports)
    assignment = cluster.pop("load_assignment")
    for locality in assignment["endpoints"]:
        locality.setdefault("locality", {"zone": "only"})
        locality.setdefault("load_balancing_weight", 1)
    cluster |= {"type": "EDS", "eds_cluster_config": {"eds_config": ADS}}
    return [
        {"@type": PREFIX + "envoy.config.cluster.v3.Cluster", **cluster},
        {"@type": PREFIX + "envoy.config.endpoint.v3.ClusterLoadAssignment", **assignment},
    ]


def route(name, action):
    return {"name": name, "match": {"prefix": path(name)}, "route": action}


def listener():
    manager = {
        "@type": FILTERS + "network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": LISTENER,
        "rds": {"route_config_name": LISTENER, "config_source": ADS},
        "http_filters": [{"name": "router", "typed_config": {"@type": FILTERS + "http.router.v3.Router"}}],
    }
    described = {"name": LISTENER, "api_listener": {"api_listener": manager}}
    return {"@type": PREFIX + "envoy.config.listener.v3.Listener", **described}


def configuration(ports, more):
    """All resources: of the scenes above on the first of the ports, and of others, as `(name, cluster, ports)`."""
    resources, routes = [listener()], []
    for name, found in ONE_CLUSTER.items():
        action = {"cluster": name}
        if name in HASHED_AT_ALL:
            action["hash_policy"] = TWO_KEYS.get(name, BY_KEY)
        routes.append(route(name, action))
        resources += resources_of(name, found, ports)
    for name, shares in SPLIT.items():
        clusters = [{"name": f"{name} {number}", "weight": share} for number, share in enumerate(shares)]
        routes.append(route(name, {"weighted_clusters": {"clusters": clusters}}))
        for number in range(len(shares)):
            resources += resources_of(f"{name} {number}", group(ROUND_ROBIN, level(0, 2)), ports[2 * number :])
    for name, found, own in more:
        routes.append(route(name, {"cluster": name, "hash_policy": BY_KEY}))
        resources += resources_of(name, found, own)
    hosts = [{"name": "all", "domains": ["*"], "routes": routes}]
    table = {"@type": PREFIX + "envoy.config.route.v3.RouteConfiguration", "name": LISTENER, "virtual_hosts": hosts}
    return {"resources": [*resources, table]}


def most_endpoints():
    return max(len(found["endpoints"]) for found in ONE_CLUSTER.values())
