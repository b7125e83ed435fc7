#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""grpcio as an independent xDS client of our control plane, on Bookinfo's own manifests.

    grpcio_client.py BOOKINFO       the built executable; `bookinfo control-plane` is what is tested

Backends are Python gRPC servers that register with the control plane as any instance does.
"""

import collections
import concurrent.futures
import json
import math
import os
import pathlib
import secrets
import sys
import tempfile
import threading
import urllib.error
import urllib.request

import grpc

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from checks import ROOT, Process, check, verdict, wait_for

BOOKINFO = pathlib.Path(sys.argv[1]).resolve()
MANIFESTS = ROOT / "Examples" / "Bookinfo" / "manifests"
LEASE = 5


def backend(tag):
    class Handler(grpc.GenericRpcHandler):
        def service(self, details):
            return grpc.unary_unary_rpc_method_handler(lambda request, context: tag.encode())

    server = grpc.server(concurrent.futures.ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((Handler(),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


class Registry:
    """The registration API, as an instance uses it."""

    def __init__(self, address, token):
        self.address = address
        self.token = token
        self.instances = []
        self.ended = threading.Event()
        threading.Thread(target=self._renew, daemon=True).start()

    def request(self, method, path, body=None, token=None):
        request = urllib.request.Request(
            f"http://{self.address}/v1/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"authorization": f"Bearer {token or self.token}", "content-type": "application/json"},
        )
        with urllib.request.urlopen(request) as answer:
            text = answer.read().decode()
            return json.loads(text) if text else None

    def register(self, service, version, port, token=None):
        instance = f"{service}-{version}-{port}"
        self.request(
            "POST",
            "instances",
            {
                "id": instance, "service": service, "namespace": "default", "address": "127.0.0.1", "port": port,
                "servicePort": 9080, "labels": {"app": service, "version": version}, "serviceAccount": service,
                "protocol": "grpc",
            },
            token,
        )
        self.instances.append(instance)

    def _renew(self):
        while not self.ended.wait(LEASE / 3):
            for instance in list(self.instances):
                try:
                    self.request("PUT", f"instances/{instance}")
                except OSError as error:
                    print(f"       {instance} was not renewed: {error}", flush=True)


def write_manifests(folder, *names):
    for name in names:
        (folder / name).write_text((MANIFESTS / name).read_text())


def split(v1, v2):
    return (MANIFESTS / "split-virtualservice.yaml").read_text().replace("weight: 75", f"weight: {v1}").replace(
        "weight: 25", f"weight: {v2}"
    )


with tempfile.TemporaryDirectory() as scratch, verdict():
    scratch = pathlib.Path(scratch)
    manifests = scratch / "manifests"
    manifests.mkdir()
    write_manifests(manifests, "base.yaml", "split-virtualservice.yaml")
    token = secrets.token_hex(16)
    tokens = scratch / "tokens.json"
    tokens.write_text(json.dumps([{"token": token, "namespace": "default", "serviceAccounts": ["reviews", "ratings"]}]))
    control_plane = Process(
        BOOKINFO, "control-plane", "--manifests", manifests, "--tokens", tokens, "--lease", LEASE,
        "--xds-port", 0, "--registry-port", 0,
    )  # fmt: skip
    addresses = control_plane.next_line(lambda line: "xds" in line, "the control plane's addresses")
    registry = Registry(addresses["registry"], token)

    servers = []
    for service, version in [("reviews", "v1"), ("reviews", "v2"), ("ratings", "v1")]:
        server, port = backend(f"{service} {version}")
        servers.append(server)
        registry.register(service, version, port)
    try:
        registry.register("reviews", "v3", 1, token="forged")
        check(False, "a registration without a known token is refused")
    except urllib.error.HTTPError as error:
        check(error.code == 401, f"a registration without a known token is refused: {error.code}")

    os.environ["GRPC_XDS_BOOTSTRAP_CONFIG"] = json.dumps(
        {
            "xds_servers": [
                {"server_uri": addresses["xds"], "channel_creds": [{"type": "insecure"}], "server_features": ["xds_v3"]}
            ],
            "node": {"id": "grpcio-interop"},
        }
    )

    def caller(service):
        channel = grpc.insecure_channel(f"xds:///{service}.default.svc.cluster.local:9080")
        return channel.unary_unary(f"/{service}/Get")

    reviews = caller("reviews")

    def answers(call, count):
        return collections.Counter(call(b"", timeout=10).decode() for _ in range(count))

    def is_split(counts, share):
        """Whether the share of v1 is what it should be, within five standard deviations."""
        total = counts.total()
        tolerance = 5 * math.sqrt(total * share * (1 - share))
        return set(counts) <= {"reviews v1", "reviews v2"} and abs(counts["reviews v1"] - total * share) <= tolerance

    first = reviews(b"", timeout=30, wait_for_ready=True).decode()
    check(first in ("reviews v1", "reviews v2"), f"grpcio reaches a backend by xds:///: {first}")
    counts = answers(reviews, 2000)
    check(is_split(counts, 0.75), f"2000 calls are split 75/25: {dict(counts)}")

    (manifests / "split-virtualservice.yaml").write_text(split(10, 90))
    wait_for(lambda: is_split(answers(reviews, 400), 0.10), "the edited weights apply")
    counts = answers(reviews, 2000)
    check(is_split(counts, 0.10), f"an edit of the manifest applies, 2000 calls are split 10/90: {dict(counts)}")

    # Bookinfo's manifests ask for least request here, which grpcio refuses: it has to be translated for it.
    ratings = caller("ratings")
    answer = ratings(b"", timeout=30, wait_for_ready=True).decode()
    check(answer == "ratings v1", f"a cluster that asks for least request is translated for grpcio: {answer}")

    server, port = backend("reviews v2")
    servers.append(server)
    registry.register("reviews", "v2", port)
    wait_for(lambda: len(registry.request("GET", "instances")["instances"]) == 4, "four instances are known")
    counts = answers(reviews, 500)
    check(is_split(counts, 0.10), f"another instance changes endpoints and not the split: {dict(counts)}")

    status = registry.request("GET", "status")
    mine = [client for client in status["clients"] if client["node"] == "grpcio-interop"]
    rejections = [each["reason"] for client in mine for each in client["types"] if each.get("rejected")]
    # grpcio has a stream of its own for each target.
    taken = [len([each for each in client["types"] if each.get("acknowledged")]) for client in mine]
    check(
        bool(taken) and set(taken) == {4} and not rejections,
        f"the control plane sees grpcio, which takes all four types and refuses nothing: {taken} {rejections}",
    )
    translations = [each for client in mine for each in client["translations"]]
    told = [each for each in translations if "ratings" in each and ".lb_policy" in each]
    check(bool(told), f"what was translated for it is reported: {told or translations}")
    check(control_plane.is_running(), "the control plane is still there")
    registry.ended.set()
    for server in servers:
        server.stop(0)
