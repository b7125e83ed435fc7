#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""gRPC's side of benchmarks-xds: an xDS client, and the backends that it asks.

    grpcio_xds.py backends      two servers that answer "a" and "b"; says where they listen
    grpcio_xds.py client        GRPC_XDS_BOOTSTRAP_CONFIG says which control plane; does what it reads line by line

Times are in nanoseconds of the monotonic clock, which all processes of a machine share. It ends with its input.
"""

import concurrent.futures
import json
import sys
import time

import grpc

AUTHORITY = "bench:80"


def say(**values):
    print(json.dumps(values), flush=True)


def backend(answer):
    class Answers(grpc.GenericRpcHandler):
        def service(self, details):
            return grpc.unary_unary_rpc_method_handler(lambda request, context: answer.encode())

    server = grpc.server(concurrent.futures.ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((Answers(),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


def backends():
    servers = [backend(answer) for answer in "ab"]
    say(ports=[port for _, port in servers])
    sys.stdin.read()
    for server, _ in servers:
        server.stop(None)


def first(channel, path, began):
    call = channel.unary_unary(path)
    while True:
        try:
            call(b"", timeout=120, wait_for_ready=True)
            break
        except grpc.RpcError:
            time.sleep(0.001)
    say(began=began, first=time.monotonic_ns())


def watch(channel, path, changes):
    call = channel.unary_unary(path)
    last, failures = None, 0
    while changes > 0:
        try:
            answer = call(b"", timeout=10).decode()
        except grpc.RpcError:
            failures += 1
            continue
        if answer == last:
            continue
        # The first one is what there was.
        if last is not None:
            changes -= 1
        last = answer
        say(answer=answer, at=time.monotonic_ns(), failures=failures)


def client():
    began = time.monotonic_ns()
    with grpc.insecure_channel(f"xds:///{AUTHORITY}") as channel:
        for line in sys.stdin:
            words = line.split()
            if words[0] == "first":
                first(channel, words[1], began)
            else:
                watch(channel, words[1], int(words[2]))


{"backends": backends, "client": client}[sys.argv[1]]()
