#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""Envoy as an independent xDS client of our control plane: clusters with connection options, endpoints and routes, live.

    envoy_client.py BOOKINFO HTTP_PEER [--delta]    the built executables; `bookinfo control-plane` is what is tested

Envoy gets clusters, endpoints and routes from the control plane by ADS, with --delta by its incremental form. The
listener stands in its bootstrap: those of the control plane are for clients without a proxy (`api_listener`), which
Envoy has nothing to bind for. What Envoy says of its configuration is compared with what an independent client of the
same node is sent.
"""

import collections
import json
import math
import pathlib
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "http"))
from ads_client import URLS, Follower  # noqa: E402
from checks import check, verdict, wait_for  # noqa: E402
from envoy_dump import check_dump  # noqa: E402
from envoy_process import OPTIONS, Envoy, node  # noqa: E402
from our_peer import PeerServer  # noqa: E402
from registry import ControlPlane  # noqa: E402

IS_DELTA = "--delta" in sys.argv[3:]
BOOKINFO, HTTP_PEER = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
HOST = "reviews.default.svc.cluster.local"
ROUTES = f"{HOST}:9080"
CLUSTERS = {version: f"outbound|9080|{version}|{HOST}" for version in ("v1", "v2")}


# A service that does not register: its endpoints stand in its cluster.
ENTRY = """apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: details, namespace: default}
spec:
  hosts: [details.example]
  ports: [{number: 9080, name: http, protocol: HTTP}]
  resolution: STATIC
  endpoints: [{address: 127.0.0.1, ports: {http: 1}}]
"""


def rule(requests):
    return f"""apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: reviews, namespace: default}}
spec:
  host: reviews
  subsets:
  - name: v1
    labels: {{version: v1}}
    trafficPolicy:
      connectionPool:
        tcp: {{maxConnections: 17, connectTimeout: 3s, maxConnectionDuration: 600s}}
        http: {{maxRequestsPerConnection: {requests}, idleTimeout: 30s, http1MaxPendingRequests: 11}}
  - name: v2
    labels: {{version: v2}}
    trafficPolicy:
      loadBalancer: {{simple: LEAST_REQUEST}}
      outlierDetection: {{consecutive5xxErrors: 4, interval: 2s, baseEjectionTime: 7s}}
      connectionPool:
        http:
          h2UpgradePolicy: UPGRADE
          maxRequestsPerConnection: 50
          idleTimeout: 45s
          maxConcurrentStreams: 7
          http2KeepAlive: {{interval: 20s, timeout: 4s}}
"""


def split(v1, v2):
    return f"""apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: reviews, namespace: default}}
spec:
  hosts: [reviews]
  http:
  - match: [{{uri: {{prefix: /b/}}, headers: {{x-fault: {{exact: "yes"}}}}}}]
    fault: {{abort: {{httpStatus: 418, percentage: {{value: 100}}}}}}
    route: [{{destination: {{host: reviews, subset: v1}}}}]
  - timeout: 5s
    retries: {{attempts: 2, retryOn: "connect-failure,refused-stream,503"}}
    route:
    - destination: {{host: reviews, subset: v1}}
      weight: {v1}
    - destination: {{host: reviews, subset: v2}}
      weight: {v2}
"""


def seconds(text):
    return float((text or "0s").rstrip("s"))


with tempfile.TemporaryDirectory() as scratch, verdict():
    scratch = pathlib.Path(scratch)
    files = {"entry.yaml": ENTRY, "rule.yaml": rule(5), "split.yaml": split(75, 25)}
    control_plane = ControlPlane(BOOKINFO, scratch, files)
    servers = {version: PeerServer(HTTP_PEER) for version in ("v1", "v2")}
    for version, server in servers.items():
        control_plane.register(version, server.port)
    envoy = Envoy(scratch, "envoy-interop", control_plane.xds, ROUTES, IS_DELTA)
    other = {**node("envoy-interop"), "id": "beside-envoy", "user_agent_name": "envoy"}
    beside = Follower(control_plane.xds, other, {ROUTES}, IS_DELTA)

    def is_split(counts, share):
        """Whether the share of v1 is what it should be, within five standard deviations."""
        total = counts.total()
        return abs(counts["v1"] - total * share) <= 5 * math.sqrt(total * share * (1 - share))

    versions = {f"127.0.0.1:{server.port}": version for version, server in servers.items()}

    def answers(count):
        found = [envoy.ask(1000) for _ in range(count)]
        bad = [each for each in found if each[:2] != (200, 1000) or each[2] not in versions]
        if bad:
            print(f"       {len(bad)} of {count} answers were not those of an endpoint: {bad[:3]}", flush=True)
        return collections.Counter("bad" if each in bad else versions[each[2]] for each in found)

    clusters = wait_for(
        lambda: (found := envoy.clusters()) and set(CLUSTERS.values()) <= set(found) and found, "Envoy has the clusters"
    )
    check(set(CLUSTERS.values()) <= set(clusters), f"Envoy has the clusters of the manifests: {sorted(clusters)}")

    first, second = (clusters[CLUSTERS[version]] for version in ("v1", "v2"))
    options = first["typed_extension_protocol_options"][OPTIONS]
    common = options["common_http_protocol_options"]
    check(common["max_requests_per_connection"] == 5, f"v1: 5 requests a connection: {common}")
    check(seconds(common["idle_timeout"]) == 30, "v1: connections end after 30 s without a request")
    check(seconds(common["max_connection_duration"]) == 600, "v1: connections end after 600 s")
    check("http_protocol_options" in options["explicit_http_config"], "v1: HTTP/1.1")
    check(seconds(first["connect_timeout"]) == 3, "v1: 3 s to connect")
    limits = first["circuit_breakers"]["thresholds"][0]
    check((limits["max_connections"], limits["max_pending_requests"]) == (17, 11), f"v1: limits: {limits}")

    options = second["typed_extension_protocol_options"][OPTIONS]
    common = options["common_http_protocol_options"]
    http2 = options["explicit_http_config"].get("http2_protocol_options")
    check(http2 is not None, f"v2: HTTP/2: {options['explicit_http_config']}")
    check((http2 or {}).get("max_concurrent_streams") == 7, "v2: 7 streams a connection")
    keepalive = (http2 or {}).get("connection_keepalive", {})
    check(
        (seconds(keepalive.get("interval")), seconds(keepalive.get("timeout"))) == (20, 4), f"v2: keepalive: {keepalive}"
    )
    check(common["max_requests_per_connection"] == 50, "v2: 50 requests a connection")
    check(seconds(common["idle_timeout"]) == 45, "v2: connections end after 45 s without a request")
    check(second["outlier_detection"]["consecutive_5xx"] == 4, f"v2: outliers: {second['outlier_detection']}")
    policies = second.get("load_balancing_policy", {}).get("policies", [])
    check("least_request" in json.dumps(policies) or second.get("lb_policy") == "LEAST_REQUEST", "v2: least request")

    wait_for(lambda: envoy.ask(1)[0] == 200, "Envoy has routes and endpoints")
    counts = answers(400)
    check(not counts["bad"] and is_split(counts, 0.75), f"400 requests are split 75/25: {dict(counts)}")
    check(envoy.ask(1000, **{"x-fault": "yes"})[0] == 418, "a fault of a route takes effect")

    stats = envoy.statistics()
    by_version = {
        version: {
            key.removeprefix(f"cluster.{CLUSTERS[version]}."): value
            for key, value in stats.items()
            if key.startswith(f"cluster.{CLUSTERS[version]}.")
        }
        for version in servers
    }
    ours = by_version["v1"]
    check(
        ours["upstream_cx_total"] >= ours["upstream_rq_total"] // 5 and ours["upstream_cx_max_requests"] > 0,
        f"v1: {ours['upstream_rq_total']} requests took {ours['upstream_cx_total']} connections of HTTP/1.1",
    )
    check(ours["upstream_cx_http1_total"] == ours["upstream_cx_total"], "v1: all of them spoke HTTP/1.1")
    ours = by_version["v2"]
    check(
        ours["upstream_cx_http2_total"] == ours["upstream_cx_total"] > 0,
        f"v2: {ours['upstream_rq_total']} requests took {ours['upstream_cx_total']} connections of HTTP/2",
    )

    counts = {"cds": 4, "eds": 3, "rds": 1}
    wait_for(lambda: all(len(beside.sent(kind)) == count for kind, count in counts.items()), "the other client has it all")
    check_dump(envoy, beside, "at first")
    left_out = [each for client in control_plane.clients("envoy-interop") for each in client["translations"]]
    check(
        not beside.sent("lds") and any(each.startswith("listeners: ") for each in left_out),
        f"what Envoy has nothing to bind for is not sent, and that is told: {[*beside.sent('lds'), *left_out[-1:]]}",
    )

    control_plane.write("split.yaml", split(10, 90))
    wait_for(lambda: is_split(answers(100), 0.10), "the edited weights apply")
    counts = answers(400)
    check(not counts["bad"] and is_split(counts, 0.10), f"an edit of the weights applies, 10/90: {dict(counts)}")

    control_plane.write("rule.yaml", rule(9))

    def requests_per_connection():
        options = envoy.clusters()[CLUSTERS["v1"]]["typed_extension_protocol_options"][OPTIONS]
        return options["common_http_protocol_options"]["max_requests_per_connection"]

    start = time.monotonic()
    wait_for(lambda: requests_per_connection() == 9, "the edited connection options apply")
    # A changed cluster is taken into use with endpoints, which have to be sent again for it, or after 15 s without.
    check(time.monotonic() - start < 10, f"a changed cluster is in use after {time.monotonic() - start:.1f} s")
    counts = answers(100)
    check(not counts["bad"], f"an edit of the connection options applies, and no request is lost: {dict(counts)}")

    check_dump(envoy, beside, "after edits")

    # Another instance takes the place of v1's: endpoints alone change.
    before, updates = len(beside.responses), envoy.updates()
    old, new = servers["v1"], PeerServer(HTTP_PEER)
    versions[f"127.0.0.1:{new.port}"] = "v1"
    control_plane.register("v1", new.port)
    control_plane.remove(old.port)

    def endpoints():
        dumped = envoy.endpoints(CLUSTERS["v1"])
        return dumped == {f"127.0.0.1:{new.port}"}

    wait_for(endpoints, "the other endpoint applies")
    del versions[f"127.0.0.1:{old.port}"]
    counts = answers(200)
    check(not counts["bad"] and counts["v1"] > 0, f"another endpoint applies, and no request is lost: {dict(counts)}")

    check_dump(envoy, beside, "after another endpoint")
    changed = {(kind, name) for kind, names, _ in beside.responses[before:] for name in names}
    wanted = {("eds", f"outbound|9080|{subset}|{HOST}") for subset in ("v1", "")}
    check(changed == wanted, f"only the endpoints that have changed are sent: {sorted(changed)}")
    changed = {key for key, count in envoy.updates().items() if count != updates.get(key)}
    wanted = {f"cluster.outbound|9080|{subset}|{HOST}" for subset in ("v1", "")}
    check(changed == wanted, f"and Envoy has no other updates: {sorted(changed)}")

    stats = envoy.statistics()
    rejected = {key: value for key, value in stats.items() if key.endswith("update_rejected")}
    successes = {key: value for key, value in stats.items() if key.endswith("update_success")}
    kinds = {
        "clusters": "cluster_manager.cds.update_success",
        "listeners": "listener_manager.lds.update_success",
        "routes": f"http.mesh.rds.{ROUTES.replace(':', '_')}.update_success",
        "endpoints": f"cluster.{CLUSTERS['v1']}.update_success",
    }
    for kind, name in kinds.items():
        check(successes.get(name, 0) > 0, f"Envoy has taken {kind}: {successes.get(name)} times")
    check(
        bool(rejected) and not any(rejected.values()),
        f"Envoy has refused nothing: {[key for key, value in rejected.items() if value] or len(rejected)}",
    )
    check(not envoy.refused(), f"its configuration holds nothing that was refused: {envoy.refused()}")
    mine = control_plane.clients("envoy-interop")
    refusals = [each["reason"] for client in mine for each in client["types"] if each.get("rejected")]
    taken = {len([each for each in client["types"] if each.get("acknowledged")]) for client in mine}
    check(taken == {4} and not refusals, f"the control plane sees that Envoy takes all four types: {taken} {refusals}")
    # One stream: the numbers are those of the control plane.
    told = control_plane.request("GET", f"clients/{mine[0]['stream']}")["resources"]
    states = {each["status"] for each in told}
    known = {
        (url.partition("/")[2], name): version for kind, url in URLS.items() for name, version in beside.versions(kind).items()
    }
    check(
        states == {"SYNCED"} and {(each["type"], each["name"]) for each in told} == set(known),
        f"the control plane says of the {len(told)} resources that were sent that Envoy has them: {states}",
    )
    if IS_DELTA:
        different = [each for each in told if known[each["type"], each["name"]] != each["version"]]
        check(not different, f"in the versions that were sent: {different[:1]}")
    check(envoy.is_running() and control_plane.is_running(), "both are still there")
    check(all(server.stop() for server in [*servers.values(), new]), "the endpoints end by themselves")
