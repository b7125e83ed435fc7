#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""Which endpoints get the requests: a real Envoy and our stack are given the same clusters, and are counted.

    compare_balancing.py ROUTE_PEER [--requests N]     N requests to each scene, 20 000 unless told otherwise

Shares of what is drawn agree within five standard deviations of the difference; where the endpoint follows from a hash,
each of a thousand keys goes to the same one.
"""

import argparse
import asyncio
import collections
import json
import pathlib
import subprocess
import sys
import tempfile
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
sys.path.insert(0, str(HERE.parent / "http"))
sys.path.insert(0, str(HERE.parent / "routing"))
import scenes  # noqa: E402
from checks import check, verdict, wait_for  # noqa: E402
from distribution import agree, shares  # noqa: E402
from real_servers import Server, program  # noqa: E402
from wire import Client  # noqa: E402

TYPE = "type.googleapis.com/envoy.extensions."


def manager(routes):
    router = {"name": "router", "typed_config": {"@type": TYPE + "filters.http.router.v3.Router"}}
    return {
        "@type": TYPE + "filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "t",
        "route_config": routes,
        "http_filters": [router],
    }


def listener(name, routes):
    return {
        "name": name,
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
        "enable_reuse_port": False,
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager(routes)}]}],
    }


class Envoy(Server):
    """An Envoy with some listeners on ports that the system chooses."""

    def __init__(self, folder, name, listeners, clusters, **more):
        config = {
            **more,
            "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}},
            "static_resources": {"listeners": listeners, "clusters": clusters},
        }
        path, admin = pathlib.Path(folder) / f"{name}.json", pathlib.Path(folder) / f"{name}-admin.txt"
        path.write_text(json.dumps(config))
        super().__init__(
            name, folder, program("envoy"), "-c", path, "--concurrency", 1, "--use-dynamic-base-id", "-l", "error",
            "--admin-address-path", admin,
        )  # fmt: skip
        wait_for(lambda: self._is_up() and admin.exists() and admin.read_text(), f"{name} has its admin port")
        self.admin = admin.read_text()
        wait_for(self._is_ready, f"{name} is ready")
        found = self.get("/listeners?format=json")["listener_statuses"]
        self.ports = {
            each["name"]: each["local_address"]["socket_address"]["port_value"] for each in found
        }

    def _is_up(self):
        if self.process.poll() is not None:
            raise EOFError(f"Envoy ended with {self.process.returncode}: {self.said()}")
        return True

    def _is_ready(self):
        try:
            return self._is_up() and self.read("/ready").strip() == "LIVE"
        except OSError:
            return False

    def read(self, path):
        with urllib.request.urlopen(f"http://{self.admin}{path}") as answer:
            return answer.read().decode()

    def get(self, path):
        return json.loads(self.read(path))

    def counts(self):
        """How many requests each endpoint has got: by cluster, by port."""
        found = {}
        for cluster in self.get("/clusters?format=json")["cluster_statuses"]:
            hosts = collections.Counter()
            for host in cluster.get("host_statuses", []):
                port = host["address"]["socket_address"]["port_value"]
                hosts[port] += sum(int(stat.get("value", 0)) for stat in host["stats"] if stat["name"] == "rq_total")
            found[cluster["name"]] = hosts
        return found


def answering(number):
    """The routes of an endpoint that says which one it is."""
    answer = {"status": 200, "body": {"inline_string": str(number)}}
    host = {"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "direct_response": answer}]}
    return {"name": "all", "virtual_hosts": [host]}


async def asked_by_key(port, path):
    """Which endpoint, by number, each key goes to."""
    client, found = Client(port), []
    for key in range(scenes.KEYS):
        case = {"method": "GET", "authority": "any.test", "path": path, "headers": [["x-key", f"key-{key}"]]}
        status, _, body = await client.send(case)
        found.append(int(body) if status == 200 else -status)
    client.close()
    return found


def envoys(folder, ports, requests):
    """What Envoy does: counts by scene, and endpoints by key."""
    proxy = Envoy(
        folder, "proxy", [listener("proxy", scenes.routes())], scenes.clusters(ports),
        node=scenes.NODE, cluster_manager=scenes.MANAGER,
    )  # fmt: skip
    port = proxy.ports["proxy"]
    for number in range(len(scenes.SCENES)):
        load = [program("h2load"), "--h1", "-c", "1", "-n", str(requests), f"http://127.0.0.1:{port}/counted-{number}"]
        subprocess.run(load, check=True, capture_output=True)
    counts = proxy.counts()
    by_key = [asyncio.run(asked_by_key(port, f"/hashed-{number}")) for number in range(len(scenes.HASHED))]
    proxy.stop()
    numbers = {port: number for number, port in enumerate(ports)}
    counted = []
    for number in range(len(scenes.SCENES)):
        found = collections.Counter()
        for cluster in (name for name in counts if name == f"counted-{number}" or name.startswith(f"counted-{number}-")):
            found.update({numbers[port]: count for port, count in counts[cluster].items()})
        # Those that went nowhere.
        found[-1] = requests - found.total()
        counted.append(found)
    return counted, by_key


def ours(peer, folder, ports, requests):
    """The same of our stack."""
    api = {"name": "table", "api_listener": {"api_listener": manager(scenes.routes())}}
    bootstrap = {
        "node": scenes.NODE,
        "cluster_manager": scenes.MANAGER,
        "static_resources": {"listeners": [api], "clusters": scenes.clusters(ports)},
    }
    path = pathlib.Path(folder) / "ours.json"
    path.write_text(json.dumps({"tables": [{"trusts": False, "bootstrap": bootstrap}]}))
    orders = [{"path": f"/counted-{number}", "count": requests} for number in range(len(scenes.SCENES))]
    orders += [{"path": f"/hashed-{number}", "keys": scenes.KEYS} for number in range(len(scenes.HASHED))]
    lines = "".join(json.dumps(order) + "\n" for order in orders)
    done = subprocess.run([peer, "--count", path], input=lines, capture_output=True, text=True, check=True)
    print(done.stderr, end="", file=sys.stderr)
    numbers = {f"127.0.0.1:{port}": number for number, port in enumerate(ports)}
    answers = [[numbers.get(each, -1) for each in json.loads(line)] for line in done.stdout.splitlines()]
    counted = [collections.Counter(found) for found in answers[: len(scenes.SCENES)]]
    return counted, answers[len(scenes.SCENES) :]


def compare(peer, folder, requests):
    count = scenes.most_endpoints()
    backends = Envoy(folder, "backends", [listener(str(number), answering(number)) for number in range(count)], [])
    ports = [backends.ports[str(number)] for number in range(count)]
    theirs, their_keys = envoys(folder, ports, requests)
    mine, my_keys = ours(peer, folder, ports, requests)
    backends.stop()
    for scene, first, second in zip(scenes.SCENES, theirs, mine):
        first, second = +first, +second
        holds = check(agree(first, second, requests), f"{scene['name']}: as Envoy, {shares(second, requests)}")
        if not holds:
            print(f"       Envoy  {shares(first, requests)}")
    # What is no test if it holds: even turns are not weighted ones, and one hash is not the other.
    check(not agree(+theirs[0], +mine[1], requests), "even turns are told from weighted ones")
    check(sum(map(int.__eq__, their_keys[0], my_keys[2])) < scenes.KEYS / 2, "one hash is told from another")
    for (name, _, _), first, second in zip(scenes.HASHED, their_keys, my_keys):
        same = sum(1 for one, other in zip(first, second) if one == other)
        check(same == scenes.KEYS, f"{name}: {same} of {scenes.KEYS} keys go where Envoy sends them")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("peer", type=pathlib.Path)
    parser.add_argument("--requests", type=int, default=20_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, verdict():
        compare(arguments.peer.resolve(), scratch, arguments.requests)
