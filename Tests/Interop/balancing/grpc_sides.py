# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""Who makes the calls: grpcio on real sockets, and our stack with a network in memory.

Both are told by the same control plane what there is, and by the same script which endpoints fail.
"""

import collections
import concurrent.futures
import json
import pathlib
import socket
import sys

import grpc
from checks import Process, wait_for
from grpc_scenes import KEY, LISTENER, OTHER_KEY, path

HOST = "127.0.0.1:"
REFUSED = "refused"
UNAVAILABLE = "unavailable"


def one_header(number):
    """The headers of a key."""
    return [[KEY, f"key-{number}"]]


def two_headers(number):
    """The headers of a key of two: both of them, the first or the second."""
    first, second = [KEY, f"key-{number}"], [OTHER_KEY, f"other-{number}"]
    return [[first, second], [first], [second]][number % 3]


class Backend:
    """A gRPC server on a port that stays its own while it is stopped: an answer says which port it is."""

    def __init__(self):
        self.fails = False
        self.server = self.reserved = None
        self.port = 0
        self.start()

    def start(self):
        backend = self

        class Handler(grpc.GenericRpcHandler):
            def service(self, details):
                return grpc.unary_unary_rpc_method_handler(backend.answer)

        if self.reserved:
            self.reserved.close()
            self.reserved = None
        self.server = grpc.server(concurrent.futures.ThreadPoolExecutor(2), options=[("grpc.so_reuseport", 0)])
        self.server.add_generic_rpc_handlers((Handler(),))
        self.port = self.server.add_insecure_port(f"{HOST}{self.port}")
        self.server.start()

    def answer(self, request, context):
        if self.fails:
            context.abort(grpc.StatusCode.UNAVAILABLE, str(self.port))
        return str(self.port).encode()

    def stop(self):
        """Refuses connections from now on."""
        self.server.stop(0).wait()
        self.server = None
        self.reserved = socket.socket()
        self.reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        wait_for(self._takes_port, f"port {self.port} is free")

    def _takes_port(self):
        try:
            self.reserved.bind(("127.0.0.1", self.port))
        except OSError:
            return False
        return True

    @property
    def state(self):
        return REFUSED if self.server is None else UNAVAILABLE if self.fails else None


class Backends:
    """Backends by their ports, and what is wrong with them."""

    def __init__(self):
        self.by_port = {}

    def add(self, count):
        added = [Backend() for _ in range(count)]
        self.by_port |= {each.port: each for each in added}
        return [each.port for each in added]

    def fail(self, ports):
        for port in ports:
            self.by_port[port].fails = True

    def stop(self, ports):
        for port in ports:
            self.by_port[port].stop()

    def mend(self):
        """Everybody serves again."""
        for backend in self.by_port.values():
            backend.fails = False
            if backend.server is None:
                backend.start()

    def troubles(self):
        return {port: backend.state for port, backend in self.by_port.items() if backend.state}

    def close(self):
        for backend in self.by_port.values():
            if backend.server:
                backend.server.stop(0)


class GRPCSide:
    """grpcio, whose clients take `xds:` for what the environment's bootstrap says."""

    name = "grpcio"

    def __init__(self, ring_size_cap=None):
        # A backend that is back is looked for ten times a second, and not after a minute.
        options = [("grpc.min_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 100)]
        options += [("grpc.initial_reconnect_backoff_ms", 100)]
        if ring_size_cap:
            options.append(("grpc.lb.ring_hash.ring_size_cap", ring_size_cap))
        self.channel = grpc.insecure_channel(f"xds:///{LISTENER}", options=options)

    def call(self, scene, metadata=None):
        """The port that a call got to, or why it got to none."""
        method = self.channel.unary_unary(path(scene) + "Get")
        try:
            return int(method(b"", timeout=30, metadata=metadata))
        except grpc.RpcError as error:
            text = error.details()
            return int(text) if text.isdigit() else error.code().name

    def ports(self, scene, count):
        return [self.call(scene) for _ in range(count)]

    def ports_by_key(self, scene, headers):
        return [self.call(scene, each) for each in headers]


class OurSide:
    """`route-peer --follow`: our client of the control plane, our stack, and endpoints that do as the backends do.

    `rules` says whose rules hold for priorities and outlier detection, which no resource says.
    """

    def __init__(self, executable, bootstrap, backends, rules):
        self.name = f"ours by {rules}'s rules"
        self.backends = backends
        self.process = Process(executable, "--follow", bootstrap, "--rules", rules)

    def _ask(self, **order):
        # A response of HTTP that is to gRPC what UNAVAILABLE is; 0 for no connection.
        statuses = {REFUSED: 0, UNAVAILABLE: 503}
        failing = {f"{HOST}{port}": statuses[state] for port, state in self.backends.troubles().items()}
        self.process.process.stdin.write(json.dumps({**order, "failing": failing}) + "\n")
        self.process.process.stdin.flush()
        found = self.process.next_line(lambda line: isinstance(line, list), f"the endpoints of {order['path']}")
        return [int(each[len(HOST) :]) if each.startswith(HOST) else each for each in found]

    def ports(self, scene, count):
        return self._ask(path=path(scene) + "Get", count=count)

    def ports_by_key(self, scene, headers):
        return self._ask(path=path(scene) + "Get", headers=headers)


    def stop(self):
        self.process.kill()


class ControlPlane:
    """`control_plane.py`, and the bootstrap file that leads to it."""

    def __init__(self, folder):
        self.path = pathlib.Path(folder) / "resources.json"
        self.bootstrap = pathlib.Path(folder) / "bootstrap.json"
        self.process = None

    def serve(self, configuration):
        text = json.dumps(configuration)
        # Whoever reads it meanwhile reads all of it.
        new = self.path.with_suffix(".new")
        new.write_text(text)
        new.rename(self.path)
        if self.process:
            return
        script = pathlib.Path(__file__).resolve().parents[1] / "xds" / "control_plane.py"
        self.process = Process(sys.executable, script, "--config", self.path)
        port = self.process.next_line(lambda line: "xds" in line, "the control plane's port")["xds"]
        server = {
            "server_uri": f"127.0.0.1:{port}",
            "channel_creds": [{"type": "insecure"}],
            "server_features": ["xds_v3"],
        }
        self.bootstrap.write_text(json.dumps({"xds_servers": [server], "node": {"id": "balancing"}}))

    def stop(self):
        self.process.kill()


def counts(found, ports, nowhere=None):
    """How often each endpoint was met, by its place among the ports; what failed by its reason, or as `nowhere`."""
    places = {port: place for place, port in enumerate(ports)}
    return collections.Counter(places.get(each, nowhere or each) for each in found)
