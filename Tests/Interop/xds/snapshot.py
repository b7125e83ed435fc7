# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""A server of ours that serves what stands in a file (`bookinfo snapshot`), and resources to put there."""

import json

from checks import Process, unused_port
from envoy_process import address, typed

ADS = {"ads": {}, "resource_api_version": "V3"}


def listener(name, routes):
    """A listener that Envoy binds."""
    manager = typed(
        "filters.network.http_connection_manager.v3.HttpConnectionManager", stat_prefix=name,
        rds={"route_config_name": routes, "config_source": ADS},
        http_filters=[{"name": "router", "typed_config": typed("filters.http.router.v3.Router")}],
    )  # fmt: skip
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
    return {"name": name, "address": address("127.0.0.1", unused_port()), "filter_chains": [{"filters": filters}]}


def routes(name, prefix, cluster, switch="routing.refused"):
    """Everything goes to a cluster, but for the share that the runtime has refused by a key."""
    share = {"default_value": {"numerator": 0}, "runtime_key": switch}
    refused = {"match": {"prefix": prefix, "runtime_fraction": share}, "direct_response": {"status": 418}}
    matched = {"match": {"prefix": prefix}, "route": {"cluster": cluster}}
    return {"name": name, "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [refused, matched]}]}


def layer(name, **values):
    return {"name": name, "layer": values}


def cluster(name, service=None):
    discovery = {"eds_config": ADS, **({"service_name": service} if service else {})}
    return {"name": name, "type": "EDS", "connect_timeout": "5s", "eds_cluster_config": discovery}


def endpoints(name, *ports):
    found = [{"endpoint": {"address": address("127.0.0.1", port)}} for port in ports]
    return {"cluster_name": name, "endpoints": [{"locality": {"zone": "z"}, "lb_endpoints": found}]}


class Snapshot:
    """A running `bookinfo snapshot`, and what it serves."""

    def __init__(self, bookinfo, folder, name):
        self.file = folder / f"{name}.resources"
        self.parts = {"listeners": {}, "routes": {}, "clusters": {}, "endpoints": {}, "runtime": {}}
        self.process = Process(bookinfo, "snapshot", "--resources", self.file)
        self.xds = self.process.next_line(lambda line: "xds" in line, "the server's address")["xds"]

    def set(self, kind, resource):
        self.parts[kind][resource.get("name") or resource["cluster_name"]] = resource

    def publish(self):
        other = self.file.with_suffix(".new")
        other.write_text(json.dumps({kind: list(part.values()) for kind, part in self.parts.items()}))
        other.rename(self.file)
        line = self.process.next_line(lambda line: "event" in line, "the resources are published")
        if line["event"] != "published":
            raise ValueError(line["error"])
