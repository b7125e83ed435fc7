#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""Our client against servers that break HTTP/1.1 and HTTP/2 in every way: a clear error each, no hang, no leak.

    hostile_servers.py HTTP_PEER [--only h1|h2] [--mutations COUNT] [--seed SEED]
                       [--match TEXT] [--repeat COUNT] [--verbose]

Each case is one request to a server of its own, and one more to a server that behaves, at the same address.
"""

import argparse
import contextlib
import pathlib
import queue
import socket
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from checks import check, verdict  # noqa: E402

from hostile_http1 import cases as http1_cases  # noqa: E402
from hostile_http2 import cases as http2_cases  # noqa: E402
from our_peer import Client, crc  # noqa: E402
from scripted import serve_properly  # noqa: E402

parser = argparse.ArgumentParser()
parser.add_argument("peer")
parser.add_argument("--only", choices=["h1", "h2"])
parser.add_argument("--mutations", type=int, default=4000)
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--match", default="", help="only the cases whose group and name hold this")
parser.add_argument("--repeat", type=int, default=1)
parser.add_argument("--verbose", action="store_true")
options = parser.parse_args()
WORKERS = 12
# What a case may take beyond its own time-out before it counts as a hang.
SLACK = 8


class Trap:
    """A listener whose connections are served by whatever the case in hand says."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.behaviour = None
        self.connections = set()
        # Whether a request has come to a connection of the behaviour in hand.
        self.is_sprung = False
        # Whether the behaviour in hand has said everything to somebody, who has left.
        self.has_said = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def set(self, behaviour):
        """From now on this is how connections are served; those of before are over."""
        self.behaviour = behaviour
        self.is_sprung = False
        self.has_said.clear()

    def hang_up(self):
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self):
        while True:
            connection, _ = self.listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections.add(connection)
            threading.Thread(target=self._serve, args=(connection, self.behaviour), daemon=True).start()

    def _serve(self, connection, behaviour):
        connection.settimeout(20)
        try:
            if connection.recv(1, socket.MSG_PEEK) and behaviour is self.behaviour:
                self.is_sprung = True
            behaviour(connection)
        except (OSError, EOFError, ValueError):
            pass  # The client has left, which is its right.
        finally:
            self.connections.discard(connection)
            close(connection)
            # Not before: until the client has left, too, it may not have read what came behind an answer.
            if behaviour is self.behaviour:
                self.has_said.set()


def close(connection):
    """Ends a connection without a reset that would overtake what was sent."""
    try:
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(0.5)
        while connection.recv(65_536):
            pass
    except OSError:
        pass
    connection.close()


class Verdicts:
    """Every case that ended otherwise than it may."""

    def __init__(self):
        self.lock = threading.Lock()
        self.bad = []
        self.groups = {}
        self.after = []

    def add(self, case, answer, after):
        problem = case.problem(answer, SLACK)
        outcome = answer.get("error") or answer.get("status")
        with self.lock:
            group = self.groups.setdefault(case.group, {"count": 0, "outcomes": {}, "bad": []})
            group["count"] += 1
            group["outcomes"][outcome] = group["outcomes"].get(outcome, 0) + 1
            if problem:
                group["bad"].append(f"{case.name}: {problem}; {answer.get('message', '')}"[:400])
            if after:
                self.after.append(f"{case.name}: {after}"[:400])
            if options.verbose:
                print(
                    f"       {case.group}: {case.name}: {outcome} {answer.get('requestState')} "
                    f"{answer.get('milliseconds')} ms {problem or ''} {after or ''}",
                    flush=True,
                )


def serve_again(peer, name):
    """What is wrong with a proper request after a case; a connection of before that dies is nobody's fault."""
    for attempt in range(3):
        answer = peer.ask(45, cluster=name, path="/good", timeout=30_000)
        if (answer.get("status"), answer.get("checksum"), answer.get("error")) == (200, crc(b"good"), None):
            return None
        if answer.get("error") not in ("connectionClosed", "connectionFailed"):
            break
    return f"the next request: {answer.get('status')} {answer.get('error')} {answer.get('message')}"


def attack(version, cases, verdicts):
    traps = {f"w{number}": Trap() for number in range(WORKERS)}
    clusters = {name: f"127.0.0.1:{trap.port}" for name, trap in traps.items()}
    peer = Client(options.peer, "--http", 1 if version == "h1" else 2, clusters=clusters)
    before = peer.figures()
    waiting = queue.SimpleQueue()
    wanted = [case for case in cases if options.match in f"{case.group}: {case.name}" for _ in range(options.repeat)]

    def work(name, trap):
        while True:
            try:
                case = waiting.get_nowait()
            except queue.Empty:
                return
            # A request that took a connection of before has not met the case.
            for _ in range(5):
                trap.hang_up()
                trap.set(case.behave)
                answer = peer.ask(case.limit + SLACK + 10, cluster=name, timeout=int(case.limit * 1000), **case.job)
                if trap.is_sprung:
                    break
            if case.is_brief:
                trap.has_said.wait(5)
            time.sleep(case.rest)
            trap.set(serve_properly[version])
            verdicts.add(case, answer, serve_again(peer, name))

    # Floods come last and a few at once: they take the processor from cases that are about time.
    for is_flood in (False, True):
        for case in wanted:
            if (case.group == "floods") is is_flood:
                waiting.put(case)
        threads = [threading.Thread(target=work, args=pair) for pair in list(traps.items())[: 4 if is_flood else None]]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    after = peer.figures()
    settled = peer.is_at_rest(before["files"] + 2)
    check(settled, f"{version}: nothing stays open: {settled or peer.figures()}")
    grown = (after.get("residentKB", 0) - before.get("residentKB", 0)) // 1024
    check(grown < 150, f"{version}: memory grew by {grown} MB, less than 150")
    last = peer.stop()
    check(last is not None and last["connections"] == 0, f"{version}: the client is alive to the end and ends")


with verdict():
    for version, make in (("h1", http1_cases), ("h2", http2_cases)):
        if options.only not in (None, version):
            continue
        verdicts = Verdicts()
        start = time.monotonic()
        attack(version, make(options.mutations, options.seed), verdicts)
        for name, group in verdicts.groups.items():
            check(not group["bad"], f"{version} {name}: {group['count']} cases, {group['outcomes']}")
            for line in group["bad"][:12]:
                print(f"         {line}", flush=True)
        check(not verdicts.after, f"{version}: a proper request succeeds after each case")
        for line in verdicts.after[:12]:
            print(f"         {line}", flush=True)
        print(f"       {version}: {time.monotonic() - start:.0f} s", flush=True)
