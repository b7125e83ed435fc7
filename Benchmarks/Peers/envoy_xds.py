#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""Envoy's side of benchmarks-xds: a proxy that follows the same control plane, asked over HTTP.

    envoy_xds.py ENVOY GROUP PORT    the executable, the node's cluster, where the control plane listens

It does what it reads line by line, as grpcio_xds.py does. Envoy gets clusters, endpoints and routes by incremental ADS;
the listener stands in its bootstrap. It runs with one worker and no log, and ends with this program's input.
"""

import http.client
import json
import pathlib
import subprocess
import sys
import tempfile
import time

AUTHORITY = "bench:80"
TYPES = "type.googleapis.com/envoy.extensions."


def say(**values):
    print(json.dumps(values), flush=True)


def address(port):
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def bootstrap(group, port):
    ads = {"ads": {}, "resource_api_version": "V3"}
    manager = {
        "@type": TYPES + "filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "bench",
        "rds": {"route_config_name": "bench", "config_source": ads},
        "http_filters": [
            {"name": "router", "typed_config": {"@type": TYPES + "filters.http.router.v3.Router"}},
        ],
    }
    http2 = {
        "@type": TYPES + "upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": {"http2_protocol_options": {}},
    }
    endpoint = {"endpoint": {"address": address(port)}}
    return {
        "node": {"id": group, "cluster": group},
        "admin": {"address": address(0)},
        "dynamic_resources": {
            "ads_config": {
                "api_type": "DELTA_GRPC",
                "transport_api_version": "V3",
                "grpc_services": [{"envoy_grpc": {"cluster_name": "control-plane"}}],
            },
            "cds_config": ads,
        },
        "static_resources": {
            "listeners": [
                {
                    "name": "entrance",
                    "address": address(0),
                    "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
                }
            ],
            "clusters": [
                {
                    "name": "control-plane",
                    "type": "STATIC",
                    "connect_timeout": "5s",
                    "typed_extension_protocol_options": {TYPES.split("/")[1] + "upstreams.http.v3.HttpProtocolOptions": http2},
                    "load_assignment": {
                        "cluster_name": "control-plane",
                        "endpoints": [{"lb_endpoints": [endpoint]}],
                    },
                }
            ],
        },
    }


class Proxy:
    def __init__(self, program, group, port):
        self.folder = tempfile.TemporaryDirectory()
        folder = pathlib.Path(self.folder.name)
        (folder / "envoy.json").write_text(json.dumps(bootstrap(group, port)))
        self.place = folder / "admin"
        self.began = time.monotonic_ns()
        self.process = subprocess.Popen(
            [program, "-c", str(folder / "envoy.json"), "--admin-address-path", str(self.place), "--concurrency", "1",
             "--use-dynamic-base-id", "-l", "off"],
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        self.connection = None

    def answer(self, path):
        """The body of a 200; None for anything else."""
        try:
            if self.connection is None:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.port(), timeout=10)
            self.connection.request("GET", path, headers={"Host": AUTHORITY})
            response = self.connection.getresponse()
            body = response.read().decode()
            return body if response.status == 200 else None
        except (OSError, LookupError, ValueError, http.client.HTTPException):
            self.connection = None
            return None

    def port(self):
        """Where its listener is, which it says once it listens."""
        host, port = self.place.read_text().strip().rsplit(":", 1)
        admin = http.client.HTTPConnection(host, int(port), timeout=10)
        admin.request("GET", "/listeners?format=json")
        listeners = json.loads(admin.getresponse().read())["listener_statuses"]
        return listeners[0]["local_address"]["socket_address"]["port_value"]

    def first(self, path):
        while self.answer(path) is None:
            if self.process.poll() is not None:
                sys.exit(f"Envoy has ended with {self.process.returncode}")
            time.sleep(0.001)
        say(began=self.began, first=time.monotonic_ns(), pid=self.process.pid)

    def watch(self, path, changes):
        last, failures = None, 0
        while changes > 0:
            answer = self.answer(path)
            if answer is None:
                failures += 1
                continue
            if answer == last:
                continue
            # The first one is what there was.
            if last is not None:
                changes -= 1
            last = answer
            say(answer=answer, at=time.monotonic_ns(), failures=failures)

    def stop(self):
        # Not by SIGTERM, which a process may have inherited as blocked.
        self.process.kill()
        self.process.wait()
        self.folder.cleanup()


proxy = Proxy(sys.argv[1], sys.argv[2], int(sys.argv[3]))
try:
    for line in sys.stdin:
        words = line.split()
        if words[0] == "first":
            proxy.first(words[1])
        else:
            proxy.watch(words[1], int(words[2]))
finally:
    proxy.stop()
