# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""Clusters whose requests are counted by endpoint: a scene is a cluster in Envoy's form and its endpoints.

An endpoint is (weight, health, priority, zone), all but the first with a default; a zone's weight stands in `zones`.
"""

HEALTHY, DEGRADED, UNHEALTHY = "HEALTHY", "DEGRADED", "UNHEALTHY"
PLACED = {"locality_weighted_lb_config": {}}
POLICIES = "type.googleapis.com/envoy.extensions.load_balancing_policies."


def endpoint(weight=1, health=HEALTHY, priority=0, zone="", labels=None):
    return {"weight": weight, "health": health, "priority": priority, "zone": zone, "labels": labels or {}}


def level(priority, healthy, degraded=0, unhealthy=0, zone="", labels=None):
    """The endpoints of one priority."""
    healths = [HEALTHY] * healthy + [DEGRADED] * degraded + [UNHEALTHY] * unhealthy
    return [endpoint(health=health, priority=priority, zone=zone, labels=labels) for health in healths]


def typed(name, **settings):
    """A policy as a message of its own; the older enumeration has no field for what it says."""
    folder = {"LeastRequest": "least_request", "RoundRobin": "round_robin", "Random": "random"}[name]
    config = {"@type": f"{POLICIES}{folder}.v3.{name}", **settings}
    return {"load_balancing_policy": {"policies": [{"typed_extension_config": {"name": "p", "typed_config": config}}]}}


# Name, the cluster's fields, its endpoints, the weights of its zones, the overprovisioning factor, what is dropped, what the
# route says besides, and for a cluster that is made of others the endpoints of each.
SCENES = []


def scene(name, fields, endpoints, zones=None, factor=None, drops=None, route=None, members=None):
    SCENES.append(
        {
            "name": name, "fields": fields, "endpoints": endpoints, "zones": zones or {}, "factor": factor,
            "drops": drops or [], "route": route or {}, "members": members or [],
        }
    )  # fmt: skip


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

scene(
    "panic in zones, where their weights do not count",
    {**ROUND_ROBIN, "common_lb_config": PLACED},
    level(0, 1, unhealthy=3, zone="x") + level(0, 0, unhealthy=2, zone="y"),
    zones={"x": 1, "y": 9},
)
scene(
    "panic in zones, where a ring heeds their weights",
    {**RING, "common_lb_config": PLACED},
    level(0, 1, unhealthy=3, zone="x") + level(0, 0, unhealthy=2, zone="y"),
    zones={"x": 1, "y": 9},
)

# The caller stands in zone x, and its own cluster has half of its instances there.
CALLERS = [endpoint(zone="x"), endpoint(zone="y")]


def near(**settings):
    return {**ROUND_ROBIN, "common_lb_config": {"zone_aware_lb_config": settings}}


def nearby(endpoints, name, **settings):
    scene(f"the own zone first: {name}", near(**settings), endpoints)


nearby(level(0, 4, zone="x") + level(0, 4, zone="y"), "it has room for all")
nearby(level(0, 2, zone="x") + level(0, 6, zone="y"), "it has room for half")
nearby(level(0, 1, zone="x") + level(0, 5, zone="y") + level(0, 3, zone="z"), "two others have room")
nearby(level(0, 4, zone="y") + level(0, 4, zone="z"), "nothing is there")
nearby(level(0, 4, zone="x"), "there is no other")
nearby(level(0, 2, zone="x") + level(0, 2, zone="y"), "too few for zones")
nearby(level(0, 2, zone="x") + level(0, 2, zone="y"), "few, and few are enough", min_cluster_size=2)
nearby(level(0, 2, unhealthy=2, zone="x") + level(0, 6, zone="y"), "half of it is not well")
nearby(level(0, 4, zone="x") + level(0, 4, zone="y"), "for four in ten requests", routing_enabled={"value": 40})
nearby(level(0, 1, unhealthy=5, zone="x") + level(0, 1, unhealthy=5, zone="y"), "panic")
nearby(
    level(0, 1, unhealthy=5, zone="x") + level(0, 1, unhealthy=5, zone="y"), "no panic", fail_traffic_on_panic=True
)
nearby(
    level(0, 4, unhealthy=4, zone="x") + level(0, 4, unhealthy=4, zone="y") + level(1, 4, zone="y"),
    "of the first level only",
    min_cluster_size=2,
)
scene(
    "the own zone first: forced, by weight",
    typed(
        "RoundRobin",
        locality_lb_config={"zone_aware_lb_config": {"force_local_zone": {"min_size": 2}, "min_cluster_size": 1}},
    ),
    level(0, 2, zone="x") + level(0, 6, zone="y"),
)
scene(
    "the own zone first: by what endpoints weigh",
    typed("Random", locality_lb_config={"zone_aware_lb_config": {"locality_basis": "HEALTHY_HOSTS_WEIGHT"}}),
    [endpoint(3, zone="x")] * 2 + [endpoint(2, zone="y")] * 7,
)


def meant(**labels):
    return {"metadata_match": {"filter_metadata": {"envoy.lb": labels}}}


def grouped(name, endpoints, labels, selectors, **settings):
    fields = {**ROUND_ROBIN, "lb_subset_config": {"subset_selectors": selectors, **settings}}
    scene(f"subsets: {name}", fields, endpoints, route=meant(**labels) if labels else None)


BY_VERSION = [{"keys": ["v"]}]
COLOURS = [endpoint(labels={"v": each, "s": stage}) for each in ("1", "2") for stage in ("a", "b", "b")]
grouped("one that there is", COLOURS, {"v": "1"}, BY_VERSION)
grouped("by two keys", COLOURS, {"v": "2", "s": "b"}, [{"keys": ["v", "s"]}])
grouped("one that there is not", COLOURS, {"v": "9"}, BY_VERSION)
grouped("any endpoint else", COLOURS, {"v": "9"}, BY_VERSION, fallback_policy="ANY_ENDPOINT")
grouped("any endpoint for those who ask for none", COLOURS, {}, BY_VERSION, fallback_policy="ANY_ENDPOINT")
grouped(
    "the default one else", COLOURS, {"v": "9"}, BY_VERSION, fallback_policy="DEFAULT_SUBSET", default_subset={"s": "a"}
)
grouped("more keys than a selector has", COLOURS, {"v": "1", "s": "b"}, BY_VERSION, fallback_policy="ANY_ENDPOINT")
grouped(
    "a selector's own fallback",
    COLOURS,
    {"v": "9", "s": "b"},
    [{"keys": ["v", "s"], "fallback_policy": "KEYS_SUBSET", "fallback_keys_subset": ["s"]}, {"keys": ["s"]}],
)
grouped(
    "a selector without fallback in a cluster with one",
    COLOURS,
    {"v": "9"},
    [{"keys": ["v"], "fallback_policy": "NO_FALLBACK"}],
    fallback_policy="ANY_ENDPOINT",
)
grouped(
    "panic takes any", COLOURS, {"v": "9"}, BY_VERSION,
    fallback_policy="DEFAULT_SUBSET", default_subset={"s": "none"}, panic_mode_any=True,
)  # fmt: skip
grouped(
    "a list is each of its values",
    [endpoint(labels={"v": ["1", "2"]}), endpoint(labels={"v": "1"}), endpoint(labels={"v": "2"})],
    {"v": "2"},
    BY_VERSION,
    list_as_any=True,
)
grouped(
    "one endpoint each",
    [endpoint(labels={"v": "1"}), endpoint(labels={"v": "2"}), endpoint(labels={"v": "1"})],
    {"v": "1"},
    [{"keys": ["v"], "single_host_per_subset": True}],
)
grouped(
    "priorities within one",
    level(0, 1, unhealthy=1, labels={"v": "1"}) + level(0, 4, labels={"v": "2"}) + level(1, 2, labels={"v": "1"}),
    {"v": "1"},
    BY_VERSION,
)
grouped(
    "further ones in a list",
    COLOURS,
    {"fallback_list": [{"v": "9"}, {"v": "2"}]},
    BY_VERSION,
    metadata_fallback_policy="FALLBACK_LIST",
)
for name, settings in (
    ("do not count", {}),
    ("count", {"locality_weight_aware": True}),
    ("shrink with it", {"locality_weight_aware": True, "scale_locality_weight": True}),
):
    scene(
        f"subsets: weights of zones {name}",
        {
            **ROUND_ROBIN,
            "common_lb_config": PLACED,
            "lb_subset_config": {"subset_selectors": BY_VERSION, **settings},
        },
        level(0, 1, zone="x", labels={"v": "1"}) + level(0, 3, zone="x", labels={"v": "2"})
        + level(0, 2, zone="y", labels={"v": "1"}),
        zones={"x": 12, "y": 4},
        route=meant(v="1"),
    )  # fmt: skip


def made_of(name, *members, **fields):
    scene(f"clusters made of clusters: {name}", fields, [], members=members)


made_of("the first is well", level(0, 2), level(0, 3))
made_of("the first is in part well", level(0, 1, unhealthy=1), level(0, 3))
made_of("the first is not well", level(0, 0, unhealthy=2), level(0, 1, unhealthy=1) + level(1, 2))
made_of("priorities in each", level(0, 2, unhealthy=2) + level(1, 2, unhealthy=2), level(0, 4))
made_of("nobody is well", level(0, 0, unhealthy=2), level(0, 0, unhealthy=8))
made_of(
    "nobody is well, and there is no panic",
    level(0, 0, unhealthy=2),
    level(0, 1, unhealthy=7),
    common_lb_config={"healthy_panic_threshold": {"value": 0}},
)
scene(
    "a share is dropped",
    ROUND_ROBIN,
    weights(1, 1, 1),
    drops=[{"category": "throttle", "drop_percentage": {"numerator": 25, "denominator": "HUNDRED"}}],
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
        if each["labels"]:
            described["metadata"] = {"filter_metadata": {"envoy.lb": each["labels"]}}
        groups.setdefault((each["priority"], each["zone"]), []).append(described)
    localities = []
    for (priority, zone), members in groups.items():
        group = {"priority": priority, "lb_endpoints": members}
        if zone:
            group["locality"] = {"zone": zone}
            if zone in found["zones"]:
                group["load_balancing_weight"] = found["zones"][zone]
        localities.append(group)
    assignment = {"cluster_name": name, "endpoints": localities}
    if found["factor"]:
        assignment.setdefault("policy", {})["overprovisioning_factor"] = found["factor"]
    if found["drops"]:
        assignment.setdefault("policy", {})["drop_overloads"] = found["drops"]
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "5s",
        "load_assignment": assignment,
        **found["fields"],
    }


def routes():
    """The routes of all scenes: `/counted-N` and `/hashed-N`."""
    found = [(f"counted-{number}", each["route"]) for number, each in enumerate(SCENES)]
    by_key = {"hash_policy": [{"header": {"header_name": "x-key"}}]}
    found += [(f"hashed-{number}", by_key) for number in range(len(HASHED))]
    entries = [
        {"name": name, "match": {"path": f"/{name}"}, "route": {"cluster": name, **more}} for name, more in found
    ]
    return {"name": "all", "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": entries}]}


def plain(fields, endpoints):
    return {"fields": fields, "endpoints": endpoints, "zones": {}, "factor": None, "drops": []}


def made(name, found, ports):
    """A scene's clusters in Envoy's form: one, or those that it is made of and itself."""
    if not found["members"]:
        return [cluster(name, found, ports)]
    clusters, names = [], []
    for number, endpoints in enumerate(found["members"]):
        names.append(f"{name}-{number}")
        clusters.append(cluster(names[-1], plain(ROUND_ROBIN, endpoints), ports))
        ports = ports[len(endpoints) :]
    kind = "type.googleapis.com/envoy.extensions.clusters.aggregate.v3.ClusterConfig"
    config = {"name": "envoy.clusters.aggregate", "typed_config": {"@type": kind, "clusters": names}}
    whole = {"name": name, "connect_timeout": "5s", "lb_policy": "CLUSTER_PROVIDED", "cluster_type": config}
    return [*clusters, {**whole, **found["fields"]}]


def clusters(ports):
    found = [cluster("callers", plain(ROUND_ROBIN, CALLERS), ports)]
    for number, each in enumerate(SCENES):
        found += made(f"counted-{number}", each, ports)
    for number, (_, fields, endpoints) in enumerate(HASHED):
        found.append(cluster(f"hashed-{number}", plain(fields, endpoints), ports))
    return found


# Where the caller is, and which cluster is its own.
NODE = {"id": "caller", "cluster": "callers", "locality": {"zone": "x"}}
MANAGER = {"local_cluster_name": "callers"}


def most_endpoints():
    return max(len(each["endpoints"]) + sum(map(len, each["members"])) for each in SCENES)
