#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""Checks the Python control plane with a client that is neither ours: grpcio, by xds:/// and by a hand-made stream.

A peer that is wrong would prove nothing about our client.
"""

import collections
import concurrent.futures
import json
import os
import pathlib
import queue
import sys
import tempfile
import urllib.request

import grpc
from envoy.service.discovery.v3 import ads_pb2_grpc, discovery_pb2

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from checks import Process, check, verdict, wait_for

HERE = pathlib.Path(__file__).resolve().parent
CLUSTER = "type.googleapis.com/envoy.config.cluster.v3.Cluster"


def configuration(weights, ports):
    hosts = [{"domains": ["*"], "routes": [{"prefix": "", "weights": weights}]}]
    return json.dumps(
        {
            "listeners": [{"name": "echo.example", "route_config": "echo"}],
            "routes": [{"name": "echo", "virtual_hosts": hosts}],
            "clusters": [{"name": name} for name in ports],
            "endpoints": [{"cluster": name, "addresses": [f"127.0.0.1:{port}"]} for name, port in ports.items()],
        }
    )


def backend(tag):
    class Handler(grpc.GenericRpcHandler):
        def service(self, details):
            return grpc.unary_unary_rpc_method_handler(lambda request, context: tag)

    server = grpc.server(concurrent.futures.ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((Handler(),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


with tempfile.TemporaryDirectory() as scratch, verdict():
    servers = {name: backend(name.encode()) for name in ("v1", "v2")}
    ports = {name: port for name, (_, port) in servers.items()}
    config = pathlib.Path(scratch) / "config.yaml"
    config.write_text(configuration({"v1": 100}, ports))
    control_plane = Process(sys.executable, HERE / "control_plane.py", "--config", config)
    addresses = control_plane.next_line()

    def events():
        with urllib.request.urlopen(f"http://127.0.0.1:{addresses['admin']}/events") as answer:
            return [json.loads(line) for line in answer.read().decode().splitlines()]

    os.environ["GRPC_XDS_BOOTSTRAP_CONFIG"] = json.dumps(
        {
            "xds_servers": [
                {"server_uri": f"127.0.0.1:{addresses['xds']}", "channel_creds": [{"type": "insecure"}],
                 "server_features": ["xds_v3"]}
            ],
            "node": {"id": "selftest"},
        }
    )
    with grpc.insecure_channel("xds:///echo.example") as channel:
        call = channel.unary_unary("/echo/Echo")
        check(call(b"", timeout=30, wait_for_ready=True) == b"v1", "grpcio is routed by LDS, RDS, CDS and EDS")
        config.write_text(configuration({"v1": 30, "v2": 70}, ports))
        wait_for(lambda: call(b"", timeout=5) == b"v2", "the reload reaches grpcio")
        answers = collections.Counter(call(b"", timeout=5) for _ in range(1000))
        check(abs(answers[b"v2"] - 700) < 60, f"a reload changes the weights to 30/70: {dict(answers)}")
        check(not [event for event in events() if event["event"] == "nack"], "grpcio refuses nothing")

    requests = queue.Queue()
    with grpc.insecure_channel(f"127.0.0.1:{addresses['xds']}") as channel:
        stub = ads_pb2_grpc.AggregatedDiscoveryServiceStub(channel)
        responses = stub.StreamAggregatedResources(iter(requests.get, None))
        requests.put(discovery_pb2.DiscoveryRequest(type_url=CLUSTER, node={"id": "by hand"}))
        response = next(responses)
        check(len(response.resources) == 2, "a wildcard subscription gets every cluster")
        requests.put(
            discovery_pb2.DiscoveryRequest(
                type_url=CLUSTER, response_nonce=response.nonce, error_detail={"code": 3, "message": "because"}
            )
        )
        wait_for(lambda: [e for e in events() if e["event"] == "nack" and e["error"] == "because"], "the NACK is seen")
        check(True, "a NACK is recorded with its reason")
        before = len(events())
        config.write_text("listeners: [{nam: x}]")
        wait_for(lambda: [e for e in events()[before:] if e["event"] == "bad configuration"], "the mistake is reported")
        check(not [e for e in events()[before:] if e["event"] == "send"], "a file with a mistake changes nothing")
        requests.put(None)
    for server, _ in servers.values():
        server.stop(0)
