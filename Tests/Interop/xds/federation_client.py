#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""Our xDS client between two control planes that share no code with it (control_plane.py), each for an authority.

    federation_client.py BOOKINFO [--delta]    the built executable; `bookinfo probe` prints what is applied

The listener and the cluster of a service are one authority's, its routes and endpoints the other's (gRFC A47).
"""

import http.server
import json
import pathlib
import sys
import tempfile
import threading
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from checks import Process, check, unused_port, verdict, wait_for

HERE = pathlib.Path(__file__).resolve().parent
BOOKINFO = pathlib.Path(sys.argv[1]).resolve()
FEATURES = ["xds_v3", "delta_ads"] if "--delta" in sys.argv[2:] else ["xds_v3"]
TYPES = {
    "lds": "envoy.config.listener.v3.Listener", "rds": "envoy.config.route.v3.RouteConfiguration",
    "cds": "envoy.config.cluster.v3.Cluster", "eds": "envoy.config.endpoint.v3.ClusterLoadAssignment",
}  # fmt: skip


def name(authority, kind, id):
    return f"xdstp://{authority}/{TYPES[kind]}/{id}"


class Backend(http.server.BaseHTTPRequestHandler):
    requests = []

    def do_GET(self):
        Backend.requests.append(self.headers["Host"])
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class ControlPlane:
    """A control plane that can be killed and comes back at its port."""

    def __init__(self, scratch, name):
        self.config = scratch / f"{name}.yaml"
        self.port = unused_port()

    def write(self, **resources):
        self.config.write_text(json.dumps(resources))

    def start(self):
        arguments = [HERE / "control_plane.py", "--config", self.config, "--xds-port", self.port]
        self.process = Process(sys.executable, *arguments)
        self.admin = self.process.next_line()["admin"]

    def events(self, kind):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}/events") as answer:
            return [each for each in map(json.loads, answer.read().decode().splitlines()) if each["event"] == kind]

    def asked(self):
        """What it was asked for, by type."""
        return {each["type"]: each["names"] for each in self.events("subscribe") + self.events("resubscribe")}


with tempfile.TemporaryDirectory() as scratch, verdict():
    scratch = pathlib.Path(scratch)
    backend = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Backend)
    threading.Thread(target=backend.serve_forever, daemon=True).start()
    at_backend = [f"127.0.0.1:{backend.server_port}"]

    routes, eds = name("b.test", "rds", "shop"), name("b.test", "eds", "shop")
    cluster = name("a.test", "cds", "shop")
    # What stands in the target is percent-encoded where a path does not take it.
    listeners = [{"name": name("a.test", "lds", "clients/shop:80"), "route_config": routes}]

    def hosts(to):
        return [{"domains": ["*"], "routes": [{"prefix": "/", "weights": to}]}]

    a, b = ControlPlane(scratch, "a"), ControlPlane(scratch, "b")
    a.write(listeners=listeners, clusters=[{"name": cluster, "service": eds}])
    b.write(
        routes=[{"name": routes, "virtual_hosts": hosts({cluster: 1})}],
        endpoints=[{"cluster": eds, "addresses": at_backend}],
    )
    a.start()
    b.start()

    def server(port):
        credentials = [{"type": "insecure"}]
        return {"server_uri": f"127.0.0.1:{port}", "channel_creds": credentials, "server_features": FEATURES}

    bootstrap = scratch / "bootstrap.json"
    template = name("a.test", "lds", "clients/%s")
    bootstrap.write_text(
        json.dumps(
            {
                "xds_servers": [server(a.port)],
                "authorities": {
                    "a.test": {"client_listener_resource_name_template": template},
                    "b.test": {"xds_servers": [server(b.port)]},
                },
                "node": {"id": "federated-probe"},
            }
        )
    )
    targets = ["--target", "xds://a.test/shop:80", "--target", "xds://nobody.test/shop"]
    probe = Process(BOOKINFO, "probe", "--bootstrap", bootstrap, "--request", "http://shop/", *targets)

    line = probe.next_line(lambda line: line.get("event") == "rejected", "the unknown authority is told of")
    check("nobody.test" in line["error"], f"an authority that the bootstrap does not have is told of: {line['error']}")

    def applied(line, weights):
        return line.get("event") == "applied" and any(each["weights"] == weights for each in line["routes"])

    line = probe.next_line(
        lambda line: applied(line, {cluster: 1}) and line["endpoints"] == {eds: at_backend},
        "a configuration of both is applied",
    )
    check(True, f"what both say is one configuration: {line['routes'][0]}, {line['endpoints']}")
    wait_for(lambda: Backend.requests, "requests arrive")
    check(Backend.requests[0].split(":")[0] == "shop", f"requests to the target arrive: {Backend.requests[0]}")
    asked_a, asked_b = a.asked(), b.asked()
    check(set(asked_b) == {"rds", "eds"}, f"each is asked for what is its own: {sorted(asked_b)}")
    check(cluster in asked_a["cds"] and "rds" not in asked_a, f"and the other for the rest: {sorted(asked_a)}")
    asked = [each for names in [*asked_a.values(), *asked_b.values()] for each in names]
    check(not any("nobody.test" in each for each in asked), "nobody is asked for what is nobody's")
    check(not a.events("nack") and not b.events("nack"), "and nothing is refused")

    a.process.kill()
    probe.next_line(lambda line: line.get("event") == "disconnected", "the loss of a control plane is noticed")
    count = len(Backend.requests)
    b.write(
        routes=[{"name": routes, "virtual_hosts": hosts({cluster: 7})}],
        endpoints=[{"cluster": eds, "addresses": at_backend}],
    )
    probe.next_line(lambda line: applied(line, {cluster: 7}), "news of the other go on")
    check(True, "with one control plane dead, news of the other are applied")
    wait_for(lambda: len(Backend.requests) > count, "requests go on")
    check(probe.is_running(), "and requests go on")
    a.start()
    wait_for(lambda: "lds" in a.asked(), "the one that is back is asked again")
    names = wait_for(lambda: a.asked().get("cds"), "it is asked for its cluster")
    check(cluster in names, "the one that is back is asked again")
