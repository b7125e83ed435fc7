#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""Our gRPC client and grpcio's, with grpcio's servers and ours, under one control plane.

    compare.py GRPC_PEER [--calls N]     N calls of a scene that is drawn, 2 000 unless told otherwise

Every scene is played four times: by each client with servers of each kind. What is drawn agrees with what was
configured within five standard deviations; everything else agrees exactly.
"""

import argparse
import collections
import concurrent.futures
import json
import math
import os
import pathlib
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "balancing"), str(HERE.parent)]
# Whoever is stopped by a scene is not worth a line.
os.environ["GRPC_VERBOSITY"] = "ERROR"
import grpc  # noqa: E402
import scenes_grpc as scenes  # noqa: E402
from checks import Process, check, unused_port, verdict, wait_for  # noqa: E402
from grpc_ejections import INTERVAL  # noqa: E402
from grpc_sides import ControlPlane  # noqa: E402
from peers import GRPCClient, GRPCServer, OurClient, OurServer, plain_call  # noqa: E402
from scenes_grpc import EJECTION, FAILOVER, RETRIES, SERVERS, SPLIT, scene_of  # noqa: E402

TEMPLATE = "grpc/server?address=%s"


class Pair:
    """A client and the servers of a kind."""

    def __init__(self, client, servers):
        self.client = client
        self.servers = servers
        self.kind = servers[SPLIT][0].kind
        self.name = f"client {client.name}, servers {self.kind}"

    def calls(self, scene, count):
        return self.client.calls(scene_of(self.kind, scene), count)

    def ports(self, scene):
        return [str(server.port) for server in self.servers[scene]]


def is_share(found, port, share, calls):
    """Whether a port got a share of the calls, within five standard deviations."""
    return abs(found[port] / calls - share) < 5 * math.sqrt(share * (1 - share) / calls)


def play_split(pair, shares, calls):
    """One draw of a split that the client knows already."""
    found = collections.Counter(pair.calls(SPLIT, calls))
    ports, total = pair.ports(SPLIT), sum(shares)
    holds = set(found) <= set(ports) and is_share(found, ports[1], shares[1] / total, calls)
    check(holds, f"{pair.name}: a split of {shares[0]} to {shares[1]}: {[found[port] for port in ports]}")


def even_is_known(pair):
    """Whether the second server gets more than the share of before allows."""
    return pair.calls(SPLIT, 100).count(pair.ports(SPLIT)[1]) > 30


def play_failover(pairs):
    """Both servers of the first priority stop, and come back."""
    for pair in pairs:
        first = pair.ports(FAILOVER)[:2]
        wait_for(lambda: set(pair.calls(FAILOVER, 20)) == set(first), f"{pair.name}: both are met")  # noqa: B023
    first_of_kind = {pair.kind: pair.servers[FAILOVER][:2] for pair in pairs}
    stopped = [server for found in first_of_kind.values() for server in found]
    for server in stopped:
        server.stop()
    for pair in pairs:
        second = pair.ports(FAILOVER)[2:]
        wait_for(lambda: set(pair.calls(FAILOVER, 4)) <= set(second), f"{pair.name}: failover")  # noqa: B023
        found = collections.Counter(pair.calls(FAILOVER, 40))
        check(found == dict.fromkeys(second, 20), f"{pair.name}: failover by priority: {dict(found)}")
    for server in stopped:
        server.start()
    for pair in pairs:
        first = pair.ports(FAILOVER)[:2]
        back = wait_for(lambda: set(pair.calls(FAILOVER, 4)) == set(first), f"{pair.name}: it is back")  # noqa: B023
        check(back, f"{pair.name}: the first priority is back")


def play_retries(pairs):
    """One of three servers fails: nobody sees it, as each call is tried elsewhere."""
    failing = {pair.kind: pair.servers[RETRIES][0] for pair in pairs}
    for pair in pairs:
        everybody = pair.ports(RETRIES)
        wait_for(lambda: set(pair.calls(RETRIES, 30)) == set(everybody), f"{pair.name}: all are met")  # noqa: B023
    for server in failing.values():
        server.fails = True
    for pair in pairs:
        found = collections.Counter(pair.calls(RETRIES, 120))
        others = pair.ports(RETRIES)[1:]
        check(set(found) == set(others), f"{pair.name}: retries hide the one that fails: {dict(found)}")
    for pair in pairs:
        for server in pair.servers[RETRIES][1:]:
            server.fails = True
    for pair in pairs:
        found = set(pair.calls(RETRIES, 20))
        is_last = found <= set(pair.ports(RETRIES))
        check(is_last, f"{pair.name}: with nobody left the last status is the caller's: {found}")
    for pair in pairs:
        for server in pair.servers[RETRIES]:
            server.fails = False


def is_ejected(pair):
    """Whether calls pass one server by, for several turns of all of them."""
    return pair.ports(EJECTION)[0] not in pair.calls(EJECTION, 3 * SERVERS[EJECTION])


def play_ejection(pairs):
    """One of five servers fails too often, and is left out until it is mended and its time is over."""
    failing = {pair.kind: pair.servers[EJECTION][0] for pair in pairs}
    for pair in pairs:
        everybody = set(pair.ports(EJECTION))
        wait_for(lambda: set(pair.calls(EJECTION, 30)) == everybody, f"{pair.name}: all are met")  # noqa: B023
    for server in failing.values():
        server.fails = True
    for pair in pairs:
        begun = time.monotonic()
        out = wait_for(lambda: is_ejected(pair), f"{pair.name}: ejection")  # noqa: B023
        took = time.monotonic() - begun
        check(out, f"{pair.name}: who fails is ejected, after {took:.1f} s of intervals of {INTERVAL:.0f} s")
    for server in failing.values():
        server.fails = False
    for pair in pairs:
        everybody = set(pair.ports(EJECTION))
        back = wait_for(lambda: set(pair.calls(EJECTION, 30)) == everybody, f"{pair.name}: it returns")  # noqa: B023
        check(back, f"{pair.name}: it is taken back")


def guarded_by_grpcio(port):
    """A server of grpcio's that waits for its listener."""

    class Handler(grpc.GenericRpcHandler):
        def service(self, details):
            return grpc.unary_unary_rpc_method_handler(lambda request, context: str(port).encode())

    server = grpc.server(concurrent.futures.ThreadPoolExecutor(2), xds=True)
    server.add_generic_rpc_handlers((Handler(),))
    server.add_secure_port(f"127.0.0.1:{port}", grpc.xds_server_credentials(grpc.insecure_server_credentials()))
    server.start()
    return server


def play_serving_modes(peer, control_plane, bootstrap, kinds):
    """Servers wait for their listeners (gRFC A36), and let pass what these let pass (gRFC A41): ours as grpcio's."""
    service, ports = "guarded", {kind: unused_port() for kind in ("grpcio", "ours")}
    theirs = guarded_by_grpcio(ports["grpcio"])
    ours = Process(peer, "server", "--port", ports["ours"], "--service", service, "--bootstrap", bootstrap)
    mode = ours.next_line(lambda line: "mode" in line, "the first mode")["mode"]
    check(mode.startswith("not serving"), f"A36: without a listener our server is {mode}")
    ours.next_line(lambda line: "port" in line, "our server's port")

    def found(expected, rules=None, served=True):
        """Serves a listener for each server, and waits until a call of each ends as expected."""
        names = {port: TEMPLATE.replace("%s", f"127.0.0.1:{port}") for port in ports.values()}
        listeners = [scenes.inbound(name, port, rules) for port, name in names.items()]
        control_plane.serve(scenes.configuration(kinds, listeners=listeners if served else []))
        for kind, port in ports.items():
            told = expected or str(port)
            wait_for(lambda: plain_call(port, service) == told, f"{kind}: {told}")  # noqa: B023
        return True

    check(found("UNAVAILABLE", served=False), "A36: both refuse connections without a listener")
    check(found(None), "A36: both answer with one")
    mode = ours.next_line(lambda line: "mode" in line, "the second mode")["mode"]
    check(mode == "serving", f"A36: ours says that it is {mode}")
    every = {"permissions": [{"any": True}], "principals": [{"any": True}]}
    check(found("PERMISSION_DENIED", {"action": "DENY", "policies": {"all": every}}), "A41: both deny what rules deny")
    check(found("PERMISSION_DENIED", {"action": "ALLOW"}), "A41: both deny what no rule allows")
    check(found(None, {"action": "ALLOW", "policies": {"all": every}}), "A41: both allow what a rule allows")
    theirs.stop(0)
    ours.kill()


def compare(peer, folder, calls):
    OurServer.executable = peer
    servers = {}
    for kind in (GRPCServer, OurServer):
        servers[kind.kind] = {
            scene: [kind([scene_of(kind.kind, scene)]) for _ in range(count)] for scene, count in SERVERS.items()
        }
    kinds = {
        kind: {scene: [each.port for each in found] for scene, found in by_scene.items()}
        for kind, by_scene in servers.items()
    }
    control_plane = ControlPlane(folder)
    control_plane.serve(scenes.configuration(kinds))
    # grpcio reads one for all that a process does: its clients have no use for what servers need.
    bootstrap = pathlib.Path(folder) / "with-servers.json"
    document = json.loads(control_plane.bootstrap.read_text())
    bootstrap.write_text(json.dumps({**document, "server_listener_resource_name_template": TEMPLATE}))
    os.environ["GRPC_XDS_BOOTSTRAP"] = str(bootstrap)
    clients = [GRPCClient(), OurClient(peer, control_plane.bootstrap)]
    pairs = [Pair(client, found) for client in clients for found in servers.values()]
    for pair in pairs:
        known = pair.ports(SPLIT)
        wait_for(lambda: pair.calls(SPLIT, 1)[0] in known, f"{pair.name} has a configuration")  # noqa: B023
        # Connections first: while one is made, its cluster's calls wait.
        pair.calls(SPLIT, 50)
        play_split(pair, scenes.SHARES, calls)
    control_plane.serve(scenes.configuration(kinds, scenes.LIVE_SHARES))
    for pair in pairs:
        wait_for(lambda: even_is_known(pair), f"{pair.name} hears of the other split")  # noqa: B023
        play_split(pair, scenes.LIVE_SHARES, calls)
    play_retries(pairs)
    play_failover(pairs)
    play_ejection(pairs)
    play_serving_modes(peer, control_plane, bootstrap, kinds)
    for client in clients:
        client.close()
    for by_scene in servers.values():
        for each in (server for found in by_scene.values() for server in found):
            if isinstance(each, OurServer):
                each.process.kill()
            elif each.server:
                each.server.stop(0)
    control_plane.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peer", type=pathlib.Path)
    parser.add_argument("--calls", type=int, default=2000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, verdict():
        compare(given.peer.resolve(), name, given.calls)
