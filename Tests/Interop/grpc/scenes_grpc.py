# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""What both clients are given by one control plane: a listener, a route for each scene, its clusters.

A call of a scene is `/SCENE/Get`. Endpoints are ports of the servers of one kind, so that each kind has scenes of its
own.
"""

import grpc_scenes
from grpc_ejections import detection
from grpc_scenes import ADS, FILTERS, LISTENER, PREFIX, ROUND_ROBIN, group, resources_of
from scenes import level

SPLIT, FAILOVER, EJECTION, RETRIES = "split", "failover", "ejection", "retries"
SCENES = [SPLIT, FAILOVER, EJECTION, RETRIES]
# How many servers each scene has; a server is of one scene, because one that fails does so for all who ask it.
SERVERS = {SPLIT: 2, FAILOVER: 4, EJECTION: 5, RETRIES: 3}
SHARES = (90, 10)
LIVE_SHARES = (50, 50)
RETRY = {
    "retry_on": "unavailable",
    "num_retries": 2,
    "retry_back_off": {"base_interval": "0.010s", "max_interval": "0.050s"},
}


def scene_of(kind, scene):
    """The service's name in calls of a scene that servers of a kind answer."""
    return f"{kind}.{scene}"


def route(name, action):
    return {"name": name, "match": {"prefix": f"/{name}/"}, "route": action}


def of_kind(kind, ports, shares):
    """Routes and resources of all scenes on the servers of a kind; `ports` has those of each scene."""
    names = {scene: scene_of(kind, scene) for scene in SCENES}
    both = [f"{names[SPLIT]} {number}" for number in range(2)]
    weighted = {"clusters": [{"name": name, "weight": share} for name, share in zip(both, shares)]}
    routes = [
        route(names[SPLIT], {"weighted_clusters": weighted}),
        route(names[FAILOVER], {"cluster": names[FAILOVER]}),
        route(names[EJECTION], {"cluster": names[EJECTION]}),
        route(names[RETRIES], {"cluster": names[RETRIES], "retry_policy": RETRY}),
    ]
    found = []
    for name, port in zip(both, ports[SPLIT]):
        found += resources_of(name, group(ROUND_ROBIN, level(0, 1)), [port])
    found += resources_of(names[FAILOVER], group(ROUND_ROBIN, level(0, 2) + level(1, 2)), ports[FAILOVER])
    ejecting = detection(enforcing_failure_percentage=100)
    found += resources_of(names[EJECTION], group(ejecting, level(0, SERVERS[EJECTION])), ports[EJECTION])
    found += resources_of(names[RETRIES], group(ROUND_ROBIN, level(0, SERVERS[RETRIES])), ports[RETRIES])
    return routes, found


def inbound(name, port, rules=None):
    """A server's listener (gRFC A36), with authorization if there are rules."""
    filters = [{"name": "router", "typed_config": {"@type": FILTERS + "http.router.v3.Router"}}]
    if rules is not None:
        filters.insert(0, {"name": "rbac", "typed_config": {"@type": FILTERS + "http.rbac.v3.RBAC", "rules": rules}})
    routes = [{"match": {"prefix": "/"}, "non_forwarding_action": {}}]
    manager = {
        "@type": FILTERS + "network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "inbound",
        "route_config": {"name": "inbound", "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]},
        "http_filters": filters,
    }
    return {
        "@type": PREFIX + "envoy.config.listener.v3.Listener",
        "name": name,
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "filter_chains": [{"filters": [{"name": "manager", "typed_config": manager}]}],
    }


def configuration(kinds, shares=SHARES, listeners=()):
    """All resources; `kinds` has the ports of each scene by the kind of its servers."""
    routes, resources = [], [grpc_scenes.listener(), *listeners]
    for kind, ports in kinds.items():
        more, found = of_kind(kind, ports, shares)
        routes += more
        resources += found
    hosts = [{"name": "all", "domains": ["*"], "routes": routes}]
    table = {"@type": PREFIX + "envoy.config.route.v3.RouteConfiguration", "name": LISTENER, "virtual_hosts": hosts}
    return {"resources": [*resources, table]}
