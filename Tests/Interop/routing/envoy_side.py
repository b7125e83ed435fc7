# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""What Envoy makes of the cases: it runs on all the tables at once, and its outcomes are gathered from three sides.

The caller sees the answer, the backends see each attempt and each copy, and the access log tells the route and why.
"""

import asyncio
import json
import pathlib
import socket
import sys
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "http"))
from bootstrap import bootstrap  # noqa: E402
from checks import Process, wait_for  # noqa: E402
from real_servers import Server, program  # noqa: E402
from wire import Client  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
# Tables at a time; the cases of one table go one after another, because buckets of tokens remember them.
CONCURRENCY = 48


class Backends:
    """The process that plays the clusters' endpoints."""

    def __init__(self, clusters):
        wanted = {
            name: {"endpoints": shape["endpoints"], "mirror": shape.get("mirror", False)}
            for name, shape in clusters.items()
            if shape["endpoints"]
        }
        self.process = Process(sys.executable, HERE / "backends.py", json.dumps(wanted))
        self.ports = self.process.next_line()["ports"]

    def ask(self, command):
        self.process.process.stdin.write(command + "\n")
        self.process.process.stdin.flush()
        return self.process.next_line()

    def settle(self):
        """Waits until no more requests come: copies outlive the requests that they are copies of."""
        before, since = -1, time.monotonic()
        while time.monotonic() - since < 0.5:
            seen = self.ask("count")["seen"]
            if seen != before:
                before, since = seen, time.monotonic()
            time.sleep(0.05)

    def dump(self, path):
        """What came, by case."""
        self.settle()
        self.ask(f"dump {path}")
        found = {}
        for line in pathlib.Path(path).read_text(errors="surrogateescape").splitlines():
            case, *rest = json.loads(line)
            found.setdefault(case, []).append(rest)
        return found


class Envoy(Server):
    """An Envoy that serves all tables."""

    def __init__(self, folder, tables, backends):
        self.access = pathlib.Path(folder) / "access.jsonl"
        self.access.unlink(missing_ok=True)
        self.refusing = socket.socket()
        # Bound and not listened on: connections to it are refused for as long as the script lives.
        self.refusing.bind(("127.0.0.1", 0))
        config = bootstrap(tables, backends.ports, self.refusing.getsockname()[1], self.access)
        path = pathlib.Path(folder) / "envoy.json"
        path.write_text(json.dumps(config))
        admin = pathlib.Path(folder) / "admin.txt"
        admin.unlink(missing_ok=True)
        super().__init__(
            "envoy", folder, program("envoy"), "-c", path, "--concurrency", 2, "--use-dynamic-base-id", "-l", "error",
            "--admin-address-path", admin, "--file-flush-interval-msec", 100,
        )  # fmt: skip
        wait_for(lambda: self._is_up() and admin.exists() and admin.read_text(), "Envoy has its admin port")
        self.admin = admin.read_text()
        wait_for(self._is_ready, "Envoy is ready")
        listeners = json.loads(self.get("/listeners?format=json"))["listener_statuses"]
        self.ports = {
            int(each["name"].removeprefix("table-")): each["local_address"]["socket_address"]["port_value"]
            for each in listeners
        }

    def _is_up(self):
        if self.process.poll() is not None:
            raise EOFError(f"Envoy ended with {self.process.returncode}: {self.said()}")
        return True

    def get(self, path):
        with urllib.request.urlopen(f"http://{self.admin}{path}") as answer:
            return answer.read().decode()

    def _is_ready(self):
        try:
            return self._is_up() and self.get("/ready").strip() == "LIVE"
        except OSError:
            return False

    def logged(self):
        """The last line of the access log of each case: those of an internal redirect come before."""
        found = {}
        for line in self.access.read_text(errors="replace").splitlines():
            entry = json.loads(line)
            if "case" in entry:
                found[entry["case"]] = entry
        return found


async def send_all(cases, ports):
    """The answers, by case; each table has a connection of its own."""
    tables = {}
    for case in cases:
        tables.setdefault(case["table"], []).append(case)
    waiting = sorted(tables.values(), key=len)
    answers = {}

    async def work():
        while waiting:
            mine = waiting.pop()
            client = Client(ports[mine[0]["table"]])
            for case in mine:
                facts = [
                    (f"x-fact-{key}", value)
                    for values in case.get("metadata", {}).values()
                    for key, value in values.items()
                ]
                answers[case["id"]] = await client.send(case, facts)
            client.close()

    await asyncio.gather(*(work() for _ in range(CONCURRENCY)))
    return answers


def outcomes(cases, answers, seen, logged):
    """Each case's outcome in the words that both sides use; see compare.py."""
    found = {}
    for case in cases:
        number = case["id"]
        status, fields, body = answers[number]
        entry = logged.get(str(number), {})
        arrived = seen.get(str(number), [])
        attempts = [each for each in arrived if each[2] is not None]
        copies = [each for each in arrived if each[2] is None]
        found[number] = {
            "id": number,
            "status": status,
            "route": entry.get("route"),
            "flags": entry.get("flags", ""),
            "details": entry.get("details", ""),
            "attempts": entry.get("attempts", 0),
            "virtual_cluster": entry.get("virtual_cluster"),
            "cluster": entry.get("cluster"),
            "response_headers": fields,
            "body": body,
            "upstream": [upstream(each) for each in sorted(attempts, key=lambda each: each[2])],
            "mirrors": sorted((upstream(each) for each in copies), key=json.dumps),
        }
    return found


def upstream(record):
    cluster, endpoint, _, method, path, headers = record
    return {"cluster": cluster, "endpoint": endpoint, "method": method, "path": path, "headers": headers}


def run(folder, tables, cases, backends):
    """Envoy's outcomes by case, and the seconds that the requests took."""
    envoy = Envoy(folder, tables, backends)
    start = time.monotonic()
    answers = asyncio.run(send_all(cases, envoy.ports))
    seconds = time.monotonic() - start
    seen = backends.dump(pathlib.Path(folder) / "seen.jsonl")
    time.sleep(0.3)
    envoy.stop()
    return outcomes(cases, answers, seen, envoy.logged()), seconds
