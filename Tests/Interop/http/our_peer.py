# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""Our end of the HTTP checks, `http-peer`, as Python objects; and what both ends know of bodies."""

import contextlib
import itertools
import json
import pathlib
import queue
import sys
import threading
import time
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from checks import PATIENCE, Process  # noqa: E402

_BLOCK = bytes(range(251))


def pattern(size, at=0):
    """The bytes that bodies are made of: the one at position n is n % 251."""
    at %= 251
    return (_BLOCK * ((size + at) // 251 + 1))[at : at + size]


def crc(content):
    return zlib.crc32(content)


def until(condition, seconds):
    """Waits until a condition holds and returns its value, or what it is in the end."""
    end = time.monotonic() + seconds
    while not (value := condition()) and time.monotonic() < end:
        time.sleep(0.02)
    return value


class Client:
    """`http-peer client`: takes requests as dictionaries (ClientJob.swift) and gives back what came of them."""

    def __init__(self, executable, *arguments, clusters):
        named = [part for name, address in clusters.items() for part in ("--cluster", f"{name}={address}")]
        self.process = Process(executable, "client", *named, *arguments)
        self.answers = {}
        self.lock = threading.Lock()
        self.numbers = itertools.count()
        self.last = None
        self.process.next_line(lambda line: line.get("event") == "ready", "the client is ready")
        threading.Thread(target=self._sort, daemon=True).start()

    def _sort(self):
        while (line := self.process.lines.get()) is not None:
            if line.get("id") == "end":
                self.last = line["figures"]
            with self.lock:
                waiting = self.answers.get(line.get("id"))
            if waiting:
                waiting.put(line)
        with self.lock:
            for waiting in self.answers.values():
                waiting.put(None)

    def start(self, **job):
        """Has something done; `take` waits for what comes of it."""
        number = str(next(self.numbers))
        with self.lock:
            self.answers[number] = queue.Queue()
            self.process.process.stdin.write(json.dumps({"id": number, **job}) + "\n")
            self.process.process.stdin.flush()
        return number

    def take(self, number, timeout=PATIENCE, last=True):
        try:
            answer = self.answers[number].get(timeout=timeout)
        except queue.Empty:
            return {"error": f"nothing within {timeout} s", "hang": True}
        if last:
            with self.lock:
                del self.answers[number]
        return {"error": "the client is gone", "hang": True} if answer is None else answer

    def ask(self, timeout_of_script=PATIENCE, **job):
        return self.take(self.start(**job), timeout_of_script)

    def many(self, count, concurrency, timeout_of_script=2 * PATIENCE, **job):
        return self.ask(timeout_of_script, count=count, concurrency=concurrency, summary=True, **job)

    def figures(self):
        found = self.ask(order="figures").get("figures") or {}
        return {**found, **found.get("process", {})}

    def is_at_rest(self, files):
        """Whether nothing is under way, and with the idle connections closed nothing is open any more."""
        self.ask(order="closeIdle")

        def settled():
            now = self.figures()
            return (
                now if now.get("connections") == 0 and now["pendingRequests"] == 0 and now["files"] <= files else None
            )

        return until(settled, 10)

    def stop(self):
        """Closes the client's input and waits for it to end; its last figures."""
        with contextlib.suppress(OSError):
            self.process.process.stdin.close()
        end = time.monotonic() + PATIENCE
        while self.process.is_running() and time.monotonic() < end:
            time.sleep(0.02)
        ended = not self.process.is_running()
        self.process.kill()
        return self.last if ended else None


class PeerServer:
    """`http-peer server`: our inbound stack."""

    def __init__(self, executable, *arguments):
        self.process = Process(executable, "server", *arguments)
        beginning = self.process.next_line(lambda line: "address" in line, "the server's address")
        self.address = beginning["address"]
        # Whether it is not optimized, and slow.
        self.is_debug = beginning.get("build") == "debug"
        self.port = int(self.address.rsplit(":", 1)[1])
        self.lock = threading.Lock()

    def figures(self):
        """Open connections, requests under way, files and memory."""
        with self.lock:
            self._order("figures")
            found = self.process.next_line(lambda line: "connections" in line, "the server's figures")
        return {**found, **found["process"]}

    def _order(self, name):
        self.process.process.stdin.write(json.dumps({"order": name}) + "\n")
        self.process.process.stdin.flush()

    def drain(self):
        with self.lock:
            self._order("drain")

    def is_running(self):
        return self.process.is_running()

    def stop(self):
        """Closes the server's input; whether it ends by itself."""
        with contextlib.suppress(OSError):
            self.process.process.stdin.close()
        ended = until(lambda: not self.process.is_running(), PATIENCE)
        self.process.kill()
        return ended
