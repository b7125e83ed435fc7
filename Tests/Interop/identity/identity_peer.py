# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""Our ends of the identity checks, `http-peer identity-server` and `identity-client`, as Python objects."""

import itertools
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from checks import Process, unused_port, wait_for  # noqa: E402


class Peer:
    """A process that takes orders and tells what happens."""

    def __init__(self, executable, command, pair, authority, *arguments, crl=None, identity=None):
        self.numbers = itertools.count()
        self.events = []
        self.process = Process(
            executable, command, "--certificate", pair.certificate_file, "--key", pair.key_file,
            "--roots", authority.roots_file, "--trust-domain", authority.domain,
            "--spiffe-id", identity or authority.identity(pair.name),
            *(["--crl", crl] if crl else []), *arguments,
        )  # fmt: skip

    def order(self, name, **fields):
        number = str(next(self.numbers))
        line = json.dumps({"id": number, "order": name, **fields}) + "\n"
        self.process.process.stdin.write(line)
        self.process.process.stdin.flush()
        return self._line(lambda line: line.get("id") == number, f"what came of {name}")

    def _line(self, matching, statement):
        def matches(line):
            if "event" in line:
                self.events.append(line)
            return matching(line)

        return self.process.next_line(matches, statement)

    def refusals(self):
        """What was told since the last question of those who were refused."""
        self.events += [line for line in self.process.lines_until_now() if "event" in line]
        found, self.events = self.events, []
        return found

    def wait_for_refusal(self, reason, before=()):
        """Waits until somebody was refused for a reason; what was told meanwhile."""
        found = list(before)

        def is_told():
            found.extend(self.refusals())
            return any(line.get("reason") == reason for line in found)

        try:
            wait_for(is_told, f"a refusal for {reason}")
        except TimeoutError:
            return None, found
        return True, found

    def stop(self):
        self.process.process.stdin.close()
        wait_for(lambda: not self.process.is_running(), "the peer ends with its input")


class Server(Peer):
    def __init__(self, executable, pair, authority, *arguments, **fields):
        self.port = unused_port()
        super().__init__(executable, "identity-server", pair, authority, "--port", self.port, *arguments, **fields)
        self._line(lambda line: "address" in line, "the server's address")

    def serve(self, **fields):
        return self.order("serve", **fields)


class Client(Peer):
    def __init__(self, executable, pair, authority, target, *arguments, **fields):
        super().__init__(executable, "identity-client", pair, authority, "--target", target, *arguments, **fields)
        self._line(lambda line: line.get("event") == "ready", "the client is ready")

    def get(self, path="/"):
        return self.order("get", path=path)
