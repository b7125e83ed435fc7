# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""Clients and servers of the gRPC checks: grpcio's, and those of our `grpc-peer`. Both kinds do the same."""

import json
import socket

import grpc
from checks import Process, wait_for
from grpc_scenes import LISTENER
from grpc_sides import Backend


class GRPCServer(Backend):
    """A server of grpcio's; see `Backend`. Whether it serves nothing any more is `stop`'s to say."""

    kind = "grpcio"

    def __init__(self, services):
        super().__init__()


class OurServer:
    """`grpc-peer server`, on a port that stays its own while it is stopped."""

    kind = "ours"
    executable = None

    def __init__(self, services):
        self.services = services
        self.reserved = self.process = None
        self.port = 0
        self._fails = False
        self.start()

    def start(self):
        if self.reserved:
            self.reserved.close()
            self.reserved = None
        named = [part for service in self.services for part in ("--service", service)]
        self.process = Process(self.executable, "server", "--port", self.port, *named)
        self.port = self.process.next_line(lambda line: "port" in line, "our server's port")["port"]

    def tell(self, **order):
        self.process.process.stdin.write(json.dumps(order) + "\n")
        self.process.process.stdin.flush()
        return self.process.next_line(lambda line: "calls" in line, "our server's answer")["calls"]

    @property
    def fails(self):
        return self._fails

    @fails.setter
    def fails(self, value):
        self._fails = value
        self.tell(fails=value)

    def stop(self):
        """Refuses connections from now on."""
        self.process.kill()
        self.reserved = socket.socket()
        self.reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        wait_for(self._takes_port, f"port {self.port} is free")

    def _takes_port(self):
        try:
            self.reserved.bind(("127.0.0.1", self.port))
        except OSError:
            return False
        return True


class GRPCClient:
    """grpcio, whose clients take `xds:` for what the environment's bootstrap says."""

    name = "grpcio"

    def __init__(self):
        options = [("grpc.min_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 100)]
        options += [("grpc.initial_reconnect_backoff_ms", 100)]
        self.channel = grpc.insecure_channel(f"xds:///{LISTENER}", options=options)

    def call(self, service):
        method = self.channel.unary_unary(f"/{service}/Get")
        try:
            return method(b"", timeout=30).decode()
        except grpc.RpcError as error:
            return error.details() if error.details().isdigit() else error.code().name

    def calls(self, service, count=1):
        """For each call the port that it got to, as text, or why it got to none."""
        return [self.call(service) for _ in range(count)]

    def close(self):
        self.channel.close()


class OurClient:
    """`grpc-peer client`."""

    name = "ours"

    def __init__(self, executable, bootstrap):
        target = f"xds:///{LISTENER}"
        self.process = Process(executable, "client", "--bootstrap", bootstrap, "--target", target)
        self.process.next_line(lambda line: isinstance(line, dict), "our client is ready")

    def calls(self, service, count=1):
        self.process.process.stdin.write(json.dumps({"path": f"/{service}/Get", "count": count}) + "\n")
        self.process.process.stdin.flush()
        return self.process.next_line(lambda line: isinstance(line, list), f"the calls of {service}")

    def close(self):
        self.process.kill()


def plain_call(port, service, timeout=5):
    """A call without any mesh, over a connection of its own: the answer, or the status code's name."""
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_reconnect_backoff_ms", 200)]
    with grpc.insecure_channel(f"127.0.0.1:{port}", options=options) as channel:
        try:
            return channel.unary_unary(f"/{service}/Get")(b"", timeout=timeout).decode()
        except grpc.RpcError as error:
            return error.code().name
