# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""Servers whose every byte a script decides, and what may come of a request to one."""

import dataclasses
import time
import typing

import frames

VIOLATION = frozenset({"protocolViolation"})
CLOSED = frozenset({"connectionClosed"})
DEADLINE = frozenset({"deadlineExceeded"})
FAULT = VIOLATION | CLOSED
# Where damage may hit anything, an answer is as good as an error, as long as there is one of them.
ANYTHING = FAULT | DEADLINE | {"responseTooLarge", "overflow", "connectionFailed", 0}


@dataclasses.dataclass
class Case:
    """One way to be served badly, and what may come of it: error codes, statuses, or 0 for any status."""

    group: str
    name: str
    behave: typing.Callable
    expected: frozenset
    state: str | None = None
    limit: float = 10
    quick: bool = True
    # How long it takes until the server has said everything, which may be after the answer.
    rest: float = 0.0
    # Whether it says everything without a pause and leaves: the next request waits for that, because what comes behind an
    # answer of HTTP/1.1 when a further request is under way looks like the answer to that.
    is_brief: bool = False
    job: dict = dataclasses.field(default_factory=dict)

    def problem(self, answer, slack):
        """What is wrong with what came of it; `None` if nothing is."""
        outcome = answer.get("error") or answer.get("status")
        if answer.get("hang"):
            return answer["error"]
        if outcome not in self.expected and not (0 in self.expected and isinstance(outcome, int)):
            return f"{outcome} instead of {sorted(map(str, self.expected))}"
        if answer.get("error") and not answer.get("requestState"):
            return "an error that is none of the mesh's"
        if answer.get("error") and self.state and answer.get("requestState") != self.state:
            return f"the request's state is {answer.get('requestState')} instead of {self.state}"
        # A fault that the client sees at once must not wait for the deadline.
        seconds = answer.get("milliseconds", 0) / 1000
        if seconds > (
            self.limit * 0.9 if self.quick and "deadlineExceeded" not in self.expected else self.limit + slack
        ):
            return f"it took {seconds} s"
        return None


# HTTP/1.1


def read_head(connection):
    """A request's head, and what came behind it."""
    found = b""
    while b"\r\n\r\n" not in found:
        piece = connection.recv(65_536)
        if not piece:
            raise EOFError
        found += piece
    head, _, rest = found.partition(b"\r\n\r\n")
    return head, rest


def serve_http1(connection):
    """One good answer; the connection ends with it, so that the next case begins on one of its own."""
    read_head(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close\r\n\r\ngood")


def says(content, hold=0.0, pieces=1, pause=0.0):
    """Reads one head and says this; then it stays for a while and leaves."""

    def behave(connection):
        read_head(connection)
        size = max(1, -(-len(content) // pieces))
        for start in range(0, len(content), size):
            connection.sendall(content[start : start + size])
            if pause:
                time.sleep(pause)
        if hold:
            stay(connection, hold)

    return behave


def stay(connection, seconds):
    """Reads and says nothing, until the client leaves or the time is over."""
    connection.settimeout(seconds)
    try:
        while connection.recv(65_536):
            pass
    except TimeoutError:
        pass


# HTTP/2


def opened(connection, *first, settings=frames.settings()):
    """Goes through the opening, and returns the frames' reader and the stream of the first request."""
    reader = frames.FrameReader(connection)
    reader.preface()
    connection.sendall(settings + b"".join(first))
    return reader, next_request(connection, reader)


def next_request(connection, reader):
    while True:
        kind, flags, stream, payload = reader.frame()
        if kind == frames.SETTINGS and not flags & frames.ACK:
            connection.sendall(frames.settings(flags=frames.ACK))
        elif kind == frames.PING and not flags & frames.ACK:
            connection.sendall(frames.frame(frames.PING, frames.ACK, 0, payload))
        elif kind == frames.HEADERS:
            return stream


def good(stream):
    """One good answer, and before it the word that there will be no other, so that the next case begins anew."""
    return frames.go_away(stream) + frames.headers(stream) + frames.data(stream, b"good", frames.END_STREAM)


def serve_http2(connection):
    _, stream = opened(connection)
    connection.sendall(good(stream))


def answers(*make, hold=0.0, settings=frames.settings()):
    """Takes the opening and one request, and says what each of `make` makes of its stream."""

    def behave(connection):
        reader, stream = opened(connection, settings=settings)
        for each in make:
            connection.sendall(each(stream) if callable(each) else each)
        if hold:
            stay_http2(connection, reader, hold)

    return behave


def stay_http2(connection, reader, seconds):
    """Acknowledges what is to be, until the client leaves or the time is over; another request is served well."""
    end = time.monotonic() + seconds
    connection.settimeout(seconds)
    try:
        while time.monotonic() < end:
            kind, flags, stream, payload = reader.frame()
            if kind == frames.HEADERS:
                connection.sendall(good(stream))
                return
            if kind == frames.PING and not flags & frames.ACK:
                connection.sendall(frames.frame(frames.PING, frames.ACK, 0, payload))
            elif kind == frames.SETTINGS and not flags & frames.ACK:
                connection.sendall(frames.settings(flags=frames.ACK))
    except TimeoutError:
        pass


serve_properly = {"h1": serve_http1, "h2": serve_http2}
