# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""A real Envoy as a client of a control plane, and what it says of its configuration."""

import atexit
import contextlib
import json
import pathlib
import subprocess
import sys
import urllib.error
import urllib.request

from google.protobuf import json_format

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "http"))
from ads_client import MESSAGES, as_json, name_of  # noqa: E402
from checks import wait_for  # noqa: E402
from real_servers import program  # noqa: E402

OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
# Where the parts of a configuration dump are, and what they hold.
PARTS = {
    "lds": ("dynamic_listeners", "listener"),
    "rds": ("dynamic_route_configs", "route_config"),
    "cds": ("dynamic_active_clusters", "cluster"),
    "eds": ("dynamic_endpoint_configs", "endpoint_config"),
}


def typed(name, **fields):
    return {"@type": f"type.googleapis.com/envoy.extensions.{name}", **fields}


def address(host, port):
    return {"socket_address": {"address": host, "port_value": int(port)}}


def node(name):
    """Who an Envoy says it is, as far as a control plane serves by it."""
    return {"id": name, "cluster": "interop", "metadata": {"NAMESPACE": "default"}}


def bootstrap(name, xds, routes, is_delta, layers):
    """Listeners, clusters and routes by ADS; a listener of its own whose answers say which endpoint they are from."""
    ads = {"ads": {}, "resource_api_version": "V3"}
    seen = {"append": {"header": {"key": "x-endpoint", "value": "%UPSTREAM_REMOTE_ADDRESS%"}}}
    manager = typed(
        "filters.network.http_connection_manager.v3.HttpConnectionManager", stat_prefix="mesh",
        rds={"route_config_name": routes, "config_source": ads},
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
    runtime = [{"name": each, "rtds_layer": {"name": each, "rtds_config": ads}} for each in layers]
    return {
        **({"layered_runtime": {"layers": runtime}} if runtime else {}),
        "node": node(name),
        "admin": {"address": address("127.0.0.1", 0)},
        "dynamic_resources": {
            "ads_config": {
                "api_type": "DELTA_GRPC" if is_delta else "GRPC",
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

    def __init__(self, folder, name, xds, routes, is_delta=False, layers=()):
        """layers: those of the runtime, which it asks the control plane for."""
        configuration, place = folder / f"{name}.json", folder / f"{name}.admin"
        configuration.write_text(json.dumps(bootstrap(name, xds, routes, is_delta, layers)))
        self.log_file = folder / f"{name}.log"
        self.log = open(self.log_file, "w")
        self.process = subprocess.Popen(
            [program("envoy"), "-c", str(configuration), "--admin-address-path", str(place), "--concurrency", "1",
             "--use-dynamic-base-id", "-l", "warning"],
            stdout=self.log, stderr=self.log,
        )  # fmt: skip
        atexit.register(self.stop)
        self.admin = wait_for(lambda: place.exists() and place.read_text().strip(), "Envoy's admin port")
        wait_for(lambda: self._get("/ready") is not None, "Envoy is ready")
        self.entrance = self.place("entrance")

    def _get(self, path):
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://{self.admin}{path}", timeout=10) as answer:
            return answer.read().decode()
        return None

    def place(self, listener):
        """Where a listener listens; `None` if there is no such listener."""
        statuses = json.loads(self._get("/listeners?format=json")).get("listener_statuses", [])
        for each in statuses:
            if each["name"] == listener:
                local = each["local_address"]["socket_address"]
                return f"{local['address']}:{local['port_value']}"
        return None

    def statistics(self):
        found = json.loads(self._get("/stats?format=json"))["stats"]
        return {stat["name"]: stat["value"] for stat in found if "name" in stat}

    def updates(self):
        """How many responses were taken, for each that asked for them."""
        ending = ".update_success"
        return {key.removesuffix(ending): count for key, count in self.statistics().items() if key.endswith(ending)}

    def runtime(self):
        """The runtime's values in force, as texts."""
        return {key: entry["final_value"] for key, entry in json.loads(self._get("/runtime"))["entries"].items()}

    def dump(self, resource):
        return json.loads(self._get(f"/config_dump?resource={resource}")).get("configs", [])

    def configured(self, kind):
        """What is in force of a kind and came from the control plane, by name: version and JSON. What waits is not."""
        configs = json.loads(self._get("/config_dump?include_eds"))["configs"]
        part, field = PARTS[kind]
        found = {}
        for config in configs:
            for entry in config.get(part, []):
                entry = entry.get("active_state", {}) if kind == "lds" else entry
                if field not in entry:
                    continue
                parsed = MESSAGES[kind]()
                fields = {key: value for key, value in entry[field].items() if key != "@type"}
                json_format.ParseDict(fields, parsed)
                found[name_of(kind, parsed)] = (entry.get("version_info", ""), as_json(parsed))
        return found

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

    def ask(self, size, entrance=None, **headers):
        """A request for so many bytes: the status, what came, and the port that it came from."""
        place = entrance or self.entrance
        request = urllib.request.Request(f"http://{place}/b/{size}", headers={"host": "reviews", **headers})
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
