# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""What the interoperability scripts have in common: counted checks, processes that end with the script, waiting."""

import atexit
import contextlib
import json
import pathlib
import queue
import socket
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Generous, because the machine may be building something else; nothing waits for it unless something is broken.
PATIENCE = 60

_passed = 0
_failed = 0


def check(is_true, statement):
    """Counts and prints a check; the script goes on, so that one run shows everything that is wrong."""
    global _passed, _failed
    if is_true:
        _passed += 1
    else:
        _failed += 1
    print(f"{'ok    ' if is_true else 'FAILED'} {statement}", flush=True)
    return is_true


def finish():
    """Prints the counts and ends the script with their verdict."""
    print(f"{_passed} passed, {_failed} failed", flush=True)
    sys.exit(1 if _failed or not _passed else 0)


@contextlib.contextmanager
def verdict():
    """Counts an exception as a failed check, so that the last line is printed whatever happens."""
    try:
        yield
    except Exception as error:
        check(False, f"the script ran to its end: {error!r}")
    finish()


def wait_for(condition, statement):
    """Waits until a condition holds and returns its value; raises when it does not in time."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise TimeoutError(f"not within {PATIENCE} s: {statement}")


def unused_port(address="127.0.0.1"):
    """A port whose number has to be known before somebody listens there."""
    with socket.socket() as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


class Process:
    """A child process that prints lines of JSON, and is killed when the script ends."""

    def __init__(self, *command):
        self.process = subprocess.Popen(
            [str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        self.lines = queue.Queue()
        self.seen = []
        atexit.register(self.kill)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            try:
                self.lines.put(json.loads(line))
            except json.JSONDecodeError:
                print(f"       {line.rstrip()}", flush=True)
        self.lines.put(None)

    def next_line(self, matching=lambda line: True, statement="a line of JSON"):
        """The next line that matches; those before it are passed over."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                line = self.lines.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                last = self.seen[-3:]
                raise TimeoutError(f"not within {PATIENCE} s: {statement}; the last lines were {last}") from None
            if line is None:
                raise EOFError(f"{self.process.args[0]} ended with {self.process.wait()} before {statement}")
            self.seen.append(line)
            if matching(line):
                return line

    def lines_until_now(self):
        """The lines that have come and that nobody has taken."""
        found = []
        with contextlib.suppress(queue.Empty):
            while (line := self.lines.get_nowait()) is not None:
                found.append(line)
        self.seen += found
        return found

    def is_running(self):
        return self.process.poll() is None

    def kill(self):
        if self.is_running():
            self.process.kill()
        self.process.wait()
