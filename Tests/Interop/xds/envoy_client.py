#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""Envoy as an independent xDS client of our control plane: clusters with connection options, endpoints and routes, live.

    envoy_client.py BOOKINFO HTTP_PEER      the built executables; `bookinfo control-plane` is what is tested

Envoy gets clusters, endpoints and routes from the control plane by ADS. The listener stands in its bootstrap: those of
the control plane are for clients without a proxy (`api_listener`), which Envoy has nothing to bind for.
"""

import atexit
import collections
import contextlib
import json
import math
import pathlib
import secrets
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "http"))
from checks import Process, check, verdict, wait_for  # noqa: E402
from our_peer import PeerServer  # noqa: E402
from real_servers import program  # noqa: E402

BOOKINFO, HTTP_PEER = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
HOST = "reviews.default.svc.cluster.local"
ROUTES = f"{HOST}:9080"
CLUSTERS = {version: f"outbound|9080|{version}|{HOST}" for version in ("v1", "v2")}
OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


class Registry:
    """The registration API, as an instance uses it; leases last longer than the script."""

    def __init__(self, address, token):
        self.address = address
        self.token = token

    def request(self, method, path, body=None):
        request = urllib.request.Request(
            f"http://{self.address}/v1/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"authorization": f"Bearer {self.token}", "content-type": "application/json"},
        )
        with urllib.request.urlopen(request) as answer:
            text = answer.read().decode()
            return json.loads(text) if text else None

    def register(self, version, port):
        self.request(
            "POST",
            "instances",
            {
                "id": f"reviews-{port}", "service": "reviews", "namespace": "default", "address": "127.0.0.1",
                "port": port, "servicePort": 9080, "labels": {"app": "reviews", "version": version},
                "serviceAccount": "reviews", "protocol": "http",
            },
        )  # fmt: skip

    def remove(self, port):
        self.request("DELETE", f"instances/reviews-{port}")


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


def typed(name, **fields):
    return {"@type": f"type.googleapis.com/envoy.extensions.{name}", **fields}


def address(host, port):
    return {"socket_address": {"address": host, "port_value": int(port)}}


def bootstrap(xds):
    """Clusters and routes by ADS; a listener of its own whose answers say which endpoint they are from."""
    ads = {"ads": {}, "resource_api_version": "V3"}
    seen = {"append": {"header": {"key": "x-endpoint", "value": "%UPSTREAM_REMOTE_ADDRESS%"}}}
    manager = typed(
        "filters.network.http_connection_manager.v3.HttpConnectionManager", stat_prefix="mesh",
        rds={"route_config_name": ROUTES, "config_source": ads},
        http_filters=[
            {"name": "envoy.filters.http.fault", "typed_config": typed("filters.http.fault.v3.HTTPFault")},
            {
                "name": "seen",
                "typed_config": typed(
                    "filters.http.header_mutation.v3.HeaderMutation", mutations={"response_mutations": [seen]}
                ),
            },
            {"name": "router", "typed_config": typed("filters.http.router.v3.Router")},
        ],
    )  # fmt: skip
    http2 = {"explicit_http_config": {"http2_protocol_options": {}}}
    host, port = xds.rsplit(":", 1)
    return {
        "node": {"id": "envoy-interop", "cluster": "interop", "metadata": {"NAMESPACE": "default"}},
        "admin": {"address": address("127.0.0.1", 0)},
        "dynamic_resources": {
            "ads_config": {
                "api_type": "GRPC",
                "transport_api_version": "V3",
                "grpc_services": [{"envoy_grpc": {"cluster_name": "control-plane"}}],
            },
            "cds_config": ads,
            "lds_config": ads,
        },
        "static_resources": {
            "listeners": [
                {
                    "name": "entrance",
                    "address": address("127.0.0.1", 0),
                    "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
                }
            ],
            "clusters": [
                {
                    "name": "control-plane",
                    "type": "STATIC",
                    "connect_timeout": "5s",
                    "typed_extension_protocol_options": {OPTIONS: typed("upstreams.http.v3.HttpProtocolOptions", **http2)},
                    "load_assignment": {
                        "cluster_name": "control-plane",
                        "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address(host, port)}}]}],
                    },
                }
            ],
        },
    }


class Envoy:
    """A running Envoy, which chooses its ports itself."""

    def __init__(self, folder, xds):
        configuration, place = folder / "envoy.json", folder / "admin"
        configuration.write_text(json.dumps(bootstrap(xds)))
        self.log = open(folder / "envoy.log", "w")
        self.process = subprocess.Popen(
            [program("envoy"), "-c", str(configuration), "--admin-address-path", str(place), "--concurrency", "1",
             "--use-dynamic-base-id", "-l", "warning"],
            stdout=self.log, stderr=self.log,
        )  # fmt: skip
        atexit.register(self.stop)
        self.admin = wait_for(lambda: place.exists() and place.read_text().strip(), "Envoy's admin port")
        wait_for(lambda: self._get("/ready") is not None, "Envoy is ready")
        listeners = json.loads(self._get("/listeners?format=json"))["listener_statuses"]
        local = next(each for each in listeners if each["name"] == "entrance")["local_address"]["socket_address"]
        self.entrance = f"{local['address']}:{local['port_value']}"

    def _get(self, path):
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://{self.admin}{path}", timeout=10) as answer:
            return answer.read().decode()
        return None

    def statistics(self):
        found = json.loads(self._get("/stats?format=json"))["stats"]
        return {stat["name"]: stat["value"] for stat in found if "name" in stat}

    def dump(self, resource):
        return json.loads(self._get(f"/config_dump?resource={resource}")).get("configs", [])

    def clusters(self):
        found = [each["cluster"] for each in self.dump("dynamic_active_clusters")]
        return {cluster["name"]: cluster for cluster in found}

    def endpoints(self, name):
        """Where requests to a cluster go."""
        statuses = json.loads(self._get("/clusters?format=json"))["cluster_statuses"]
        hosts = [host for each in statuses if each["name"] == name for host in each.get("host_statuses", [])]
        places = [host["address"]["socket_address"] for host in hosts]
        return {f"{place['address']}:{place['port_value']}" for place in places}

    def refused(self):
        """What stands in the configuration as refused: Envoy keeps it beside what is in force."""
        kinds = ("dynamic_active_clusters", "dynamic_warming_clusters", "dynamic_route_configs", "dynamic_listeners")
        return [entry["error_state"] for kind in kinds for entry in self.dump(kind) if entry.get("error_state")]

    def ask(self, size, **headers):
        """A request for so many bytes: the status, what came, and the port that it came from."""
        request = urllib.request.Request(f"http://{self.entrance}/b/{size}", headers={"host": "reviews", **headers})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, len(answer.read()), answer.headers["x-endpoint"]
        except urllib.error.HTTPError as error:
            return error.code, len(error.read()), error.headers["x-endpoint"]

    def is_running(self):
        return self.process.poll() is None

    def stop(self):
        if self.is_running():
            self.process.kill()
        self.process.wait()


def seconds(text):
    return float((text or "0s").rstrip("s"))


with tempfile.TemporaryDirectory() as scratch, verdict():
    scratch = pathlib.Path(scratch)
    manifests = scratch / "manifests"
    manifests.mkdir()
    (manifests / "entry.yaml").write_text(ENTRY)
    (manifests / "rule.yaml").write_text(rule(5))
    (manifests / "split.yaml").write_text(split(75, 25))
    token = secrets.token_hex(16)
    entry = {"token": token, "namespace": "default", "serviceAccounts": ["reviews"]}
    (scratch / "tokens.json").write_text(json.dumps([entry]))
    control_plane = Process(
        BOOKINFO, "control-plane", "--manifests", manifests, "--tokens", scratch / "tokens.json",
        "--xds-port", 0, "--registry-port", 0, "--lease", 3600,
    )  # fmt: skip
    addresses = control_plane.next_line(lambda line: "xds" in line, "the control plane's addresses")
    registry = Registry(addresses["registry"], token)
    servers = {version: PeerServer(HTTP_PEER) for version in ("v1", "v2")}
    for version, server in servers.items():
        registry.register(version, server.port)
    envoy = Envoy(scratch, addresses["xds"])

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

    (manifests / "split.yaml").write_text(split(10, 90))
    wait_for(lambda: is_split(answers(100), 0.10), "the edited weights apply")
    counts = answers(400)
    check(not counts["bad"] and is_split(counts, 0.10), f"an edit of the weights applies, 10/90: {dict(counts)}")

    (manifests / "rule.yaml").write_text(rule(9))

    def requests_per_connection():
        options = envoy.clusters()[CLUSTERS["v1"]]["typed_extension_protocol_options"][OPTIONS]
        return options["common_http_protocol_options"]["max_requests_per_connection"]

    start = time.monotonic()
    wait_for(lambda: requests_per_connection() == 9, "the edited connection options apply")
    # A changed cluster is taken into use with endpoints, which have to be sent again for it, or after 15 s without.
    check(time.monotonic() - start < 10, f"a changed cluster is in use after {time.monotonic() - start:.1f} s")
    counts = answers(100)
    check(not counts["bad"], f"an edit of the connection options applies, and no request is lost: {dict(counts)}")

    # Another instance takes the place of v1's: endpoints alone change.
    old, new = servers["v1"], PeerServer(HTTP_PEER)
    versions[f"127.0.0.1:{new.port}"] = "v1"
    registry.register("v1", new.port)
    registry.remove(old.port)

    def endpoints():
        dumped = envoy.endpoints(CLUSTERS["v1"])
        return dumped == {f"127.0.0.1:{new.port}"}

    wait_for(endpoints, "the other endpoint applies")
    del versions[f"127.0.0.1:{old.port}"]
    counts = answers(200)
    check(not counts["bad"] and counts["v1"] > 0, f"another endpoint applies, and no request is lost: {dict(counts)}")

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
    status = registry.request("GET", "status")
    mine = [client for client in status["clients"] if client["node"] == "envoy-interop"]
    refusals = [each["reason"] for client in mine for each in client["types"] if each.get("rejected")]
    taken = {len([each for each in client["types"] if each.get("acknowledged")]) for client in mine}
    check(taken == {4} and not refusals, f"the control plane sees that Envoy takes all four types: {taken} {refusals}")
    check(envoy.is_running() and control_plane.is_running(), "both are still there")
    check(all(server.stop() for server in [*servers.values(), new]), "the endpoints end by themselves")
