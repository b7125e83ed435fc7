#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""Compressed messages between our client and server and grpcio's, each with each.

    compression.py GRPC_PEER

Every client calls every server, with every way to compress the request and every one to compress the answer, through a
relay that counts bytes: what is compressed is small, what is not is not, and the text comes back as it was.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import socket
import sys
import threading

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
os.environ["GRPC_VERBOSITY"] = "NONE"
import grpc  # noqa: E402
from checks import Process, check, verdict  # noqa: E402

ALGORITHMS = {
    "none": grpc.Compression.NoCompression,
    "deflate": grpc.Compression.Deflate,
    "gzip": grpc.Compression.Gzip,
}
SERVICE = "shop.Echo"
METHOD = f"/{SERVICE}/Echo"
TEXT = "Not all those who wander are lost. " * 3000
# Of a text that is compressed well, with all frames around it.
SMALL = 6000


class Relay:
    """Forwards connections to a port, and counts the bytes of each direction."""

    def __init__(self, port):
        self.target = port
        self.up = self.down = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self.target))
            threading.Thread(target=self._forward, args=(near, far, "up"), daemon=True).start()
            threading.Thread(target=self._forward, args=(far, near, "down"), daemon=True).start()

    def _forward(self, source, sink, direction):
        try:
            while data := source.recv(65536):
                setattr(self, direction, getattr(self, direction) + len(data))
                sink.sendall(data)
        except OSError:
            pass
        finally:
            for each in (source, sink):
                try:
                    each.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def close(self):
        self.listener.close()


class TheirServer:
    """grpcio's, which says back what it is told."""

    kind = "grpcio"

    def __init__(self, _, answers="none", accepts=None):
        class Handler(grpc.GenericRpcHandler):
            def service(self, details):
                return grpc.unary_unary_rpc_method_handler(lambda request, context: request)

        # A bit for each algorithm, in the order of the table; identity has the first.
        options = []
        if accepts:
            mask = 1 | 1 << list(ALGORITHMS).index(accepts)
            options = [("grpc.compression_enabled_algorithms_bitset", mask)]
        pool = concurrent.futures.ThreadPoolExecutor(2)
        self.server = grpc.server(pool, compression=ALGORITHMS[answers], options=options)
        self.server.add_generic_rpc_handlers((Handler(),))
        self.port = self.server.add_insecure_port("127.0.0.1:0")
        self.server.start()

    def stop(self):
        self.server.stop(0)


class OurServer:
    """`grpc-peer server`."""

    kind = "ours"

    def __init__(self, peer, answers="none", accepts=None):
        more = ("--accepts", accepts) if accepts else ()
        self.process = Process(peer, "server", "--service", SERVICE, "--compression", answers, *more)
        self.port = self.process.next_line(lambda line: "port" in line, "our server's port")["port"]

    def stop(self):
        self.process.kill()


def their_call(_, port, algorithm, text=TEXT):
    """A call of grpcio's: the answer, or the status code's name."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    with grpc.insecure_channel(f"127.0.0.1:{port}", options=options) as channel:
        try:
            call = channel.unary_unary(METHOD)
            return call(text.encode(), timeout=30, compression=ALGORITHMS[algorithm]).decode()
        except grpc.RpcError as error:
            return error.code().name


def our_call(peer, port, algorithm, text=TEXT):
    """A call of `grpc-peer client`, likewise."""
    process = Process(peer, "client", "--target", f"static:127.0.0.1:{port}")
    try:
        process.next_line(lambda line: isinstance(line, dict), "our client is ready")
        job = {"path": METHOD, "message": text, "compression": algorithm}
        process.process.stdin.write(json.dumps(job) + "\n")
        process.process.stdin.flush()
        return process.next_line(lambda line: isinstance(line, list), "our client's answer")[0]
    finally:
        process.kill()


CLIENTS = {"grpcio": their_call, "ours": our_call}


def play_all(peer):
    for kind in (TheirServer, OurServer):
        for answers in ALGORITHMS:
            server = kind(peer, answers)
            for name, call in CLIENTS.items():
                for algorithm in ALGORITHMS:
                    relay = Relay(server.port)
                    is_back = call(peer, relay.port, algorithm) == TEXT
                    sizes = relay.up, relay.down
                    relay.close()
                    expected = [found == "none" for found in (algorithm, answers)]
                    holds = is_back and [size > SMALL for size in sizes] == expected
                    check(
                        holds,
                        f"client {name}, server {server.kind}, {algorithm} up, {answers} down: "
                        f"{len(TEXT)} bytes each way as {sizes[0]} and {sizes[1]}",
                    )
            server.stop()


def play_refusals(peer):
    """What is not accepted, and what unfolds into more than is accepted."""
    for kind in (TheirServer, OurServer):
        server = kind(peer, accepts="deflate")
        for name, call in CLIENTS.items():
            found = [call(peer, server.port, algorithm) for algorithm in ALGORITHMS]
            found = ["OK" if each == TEXT else each.replace("unimplemented", "UNIMPLEMENTED") for each in found]
            check(found == ["OK", "OK", "UNIMPLEMENTED"], f"client {name}, server {kind.kind}: gzip is refused: {found}")
        # 32 KiB on the wire.
        found = their_call(peer, server.port, "deflate", "x" * (32 << 20))
        check(found == "RESOURCE_EXHAUSTED", f"server {kind.kind}: a message of 32 MiB in 32 KiB: {found}")
        server.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peer", type=pathlib.Path)
    given = parser.parse_args()
    with verdict():
        play_all(given.peer.resolve())
        play_refusals(given.peer.resolve())
