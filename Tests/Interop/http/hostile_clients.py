#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""Clients that mean harm, against our inbound stack: each costs bounded memory, and a well-behaved client is served.

    hostile_clients.py HTTP_PEER [--seconds S] [--mutations COUNT] [--seed SEED] [--match TEXT]

While each attack goes on, two clients of ours make requests, one over HTTP/1.1 and one over HTTP/2.
"""

import argparse
import contextlib
import pathlib
import random
import resource
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from checks import check, verdict  # noqa: E402

import frames  # noqa: E402
from frames import (  # noqa: E402  # noqa: E402
    ACK,
    END_HEADERS,
    END_STREAM,
    PREFACE,
    data,
    fields,
    frame,
    headers,
    request_block,
    reset,
    settings,
    window_update,
)
from hostile_http1 import damaged  # noqa: E402
from our_peer import Client, PeerServer, until  # noqa: E402

parser = argparse.ArgumentParser()
parser.add_argument("peer")
parser.add_argument("--seconds", type=float, default=4)
parser.add_argument("--mutations", type=int, default=3000)
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--match", default="")
options = parser.parse_args()
# What an attack may cost the server, beyond what it had before, in MB; and how long a well-behaved client may wait, in
# ms. The latter is generous: the attackers take processors from the server, on a machine that has two. A build that is
# not optimized needs about 2 ms for each stream that is opened and reset, and a read brings hundreds of them. Where
# other work takes the rest of the processors, an attack is tried again: one that starves others does so every time.
MEMORY = 128
WAIT = {"release": 1000, "debug": 3000}
TRIALS = 3
HEADER_TIMEOUT = STALL_TIMEOUT = 2000
GET = b"GET /b/100 HTTP/1.1\r\nhost: peer\r\n\r\n"
ENDS = END_HEADERS | END_STREAM

_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 8192), most))


class Attack:
    """Connections to the server that are closed when it is over."""

    def __init__(self, port, seconds):
        self.port = port
        self.end = time.monotonic() + seconds
        self.open = []
        # How many connections the server closed, or said goodbye to, by itself.
        self.closed = 0

    def goes_on(self):
        return time.monotonic() < self.end

    def connect(self, buffer=None):
        connection = socket.socket()
        if buffer:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        connection.settimeout(5)
        connection.connect(("127.0.0.1", self.port))
        self.open.append(connection)
        return connection

    def http2(self, *first, buffer=None):
        connection = self.connect(buffer)
        connection.sendall(PREFACE + settings(*first) + settings(flags=ACK))
        return connection

    def pour(self, connect, opening, piece):
        """Says the same again and again, on a new connection where the server has closed the last."""
        while self.goes_on():
            connection = connect()
            try:
                connection.sendall(opening)
                while self.goes_on():
                    connection.sendall(piece)
            except TimeoutError:
                pass  # The server reads no more, which is an answer too.
            except OSError:
                self.closed += 1

    def threads(self, count, work):
        def quietly():
            with contextlib.suppress(OSError, EOFError):
                work()

        threads = [threading.Thread(target=quietly) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def how_many_are_closed(self, connections):
        """How many of these the server has closed."""
        count = 0
        for connection in connections:
            connection.settimeout(0.01)
            try:
                while connection.recv(65_536):
                    pass
                count += 1
            except TimeoutError:
                pass
            except OSError:
                count += 1
        return count

    def close(self):
        for connection in self.open:
            connection.close()


# Floods


def flood_http2(opening, piece):
    def run(attack):
        attack.threads(4, lambda: attack.pour(attack.http2, opening, piece))

    return run


def rapid_resets(attack):
    def work():
        while attack.goes_on():
            connection = attack.http2()
            stream = 1
            try:
                while attack.goes_on():
                    burst = b""
                    for _ in range(100):
                        burst += headers(stream, request_block("/b/100000"), ENDS) + reset(stream, frames.CANCEL)
                        stream += 2
                    connection.sendall(burst)
            except OSError:
                attack.closed += 1

    attack.threads(4, work)


def unread_pings(attack):
    """Pings whose answers are never read: what waits to be written must not grow without end."""
    ping = frame(frames.PING, 0, 0, b"12345678") * 500
    attack.threads(4, lambda: attack.pour(lambda: attack.http2(buffer=4096), b"", ping))


FLOODS = {
    "CONTINUATION": flood_http2(headers(1, request_block(), 0),
        frame(frames.CONTINUATION, 0, 1, fields(("x", "y" * 1000))) * 10),
    "empty CONTINUATION": flood_http2(headers(1, request_block(), 0), frame(frames.CONTINUATION, 0, 1) * 500),
    "PING": flood_http2(b"", frame(frames.PING, 0, 0, b"12345678") * 200), "unread answers to PING": unread_pings,
    "SETTINGS": flood_http2(b"", settings((3, 100)) * 200), "empty SETTINGS": flood_http2(b"", settings() * 500),
    "PRIORITY": flood_http2(b"", frame(frames.PRIORITY, 0, 1, b"\0\0\0\0\x10") * 200),
    "WINDOW_UPDATE": flood_http2(headers(1, request_block("/wait/60000"), ENDS), window_update(1, 1) * 200),
    "empty DATA": flood_http2(headers(1, request_block("/sum", "POST")), data(1) * 500),
    "padding": flood_http2(headers(1, request_block("/wait/60000", "POST")),
        frame(0, frames.PADDED, 1, b"\xff" + b"\0" * 255) * 50),
    "DATA that nobody reads": flood_http2(headers(1, request_block("/wait/60000", "POST")), data(1, b"x" * 16_000)),
    "unknown frames": flood_http2(b"", frame(0x42, 0, 0, b"x" * 1000) * 50),
    "rapid resets": rapid_resets,
}  # fmt: skip

# Those that a server does not have to put up with; what is left costs it no more than what it reads.
ENDED = {f"{name} flood" for name in FLOODS if name not in ("DATA that nobody reads", "unknown frames")}


def requests_without_end(attack):
    """Streams beyond what the server allows, all at once."""

    def work():
        while attack.goes_on():
            connection = attack.http2()
            with contextlib.suppress(OSError):
                for stream in range(1, 4001, 2):
                    connection.sendall(headers(stream, request_block("/wait/60000"), ENDS))
                time.sleep(0.2)

    attack.threads(3, work)


def header_bombs(attack):
    bomb = request_block() + frames.literal("x-bomb", "y" * 4000, indexed=True) + b"\xbe" * 11_000
    many = request_block() + fields(*[(f"x-{n}", "y") for n in range(1500)])
    large = request_block() + frames.literal("x", "y" * 15_000)

    def work():
        while attack.goes_on():
            connection = attack.http2()
            with contextlib.suppress(OSError):
                for stream, block in ((1, bomb), (3, many), (5, large)):
                    connection.sendall(headers(stream, block[:16_384], ENDS))
                connection.settimeout(0.2)
                while connection.recv(65_536):
                    pass

    attack.threads(4, work)


# Those that take their time


def never_reads_http2(attack):
    """Windows that stay shut, or a socket that is never read: a response waits where it is made."""
    for number in range(40):
        connection = attack.http2((4, 0)) if number % 2 else attack.http2((4, 0x7FFF_FFFF), buffer=4096)
        connection.sendall(window_update(0, 0x7FFF_0000 - 65_535))
        for stream in range(1, 100, 2):
            connection.sendall(headers(stream, request_block("/b/10000000"), ENDS))
    time.sleep(attack.end - time.monotonic())


def never_reads_http1(attack):
    for _ in range(300):
        attack.connect(buffer=4096).sendall(GET.replace(b"/b/100", b"/b/10000000"))
    time.sleep(attack.end - time.monotonic())


def never_reads_pipelined(attack):
    """Requests in a row whose answers are never read."""
    attack.threads(
        4, lambda: attack.pour(lambda: attack.connect(buffer=4096), b"", GET.replace(b"/b/100", b"/b/65536") * 50)
    )


def slow_heads(attack):
    """A byte at a time; the server's patience with a head ends, however busy the sender is."""
    connections = [attack.connect() for _ in range(300)]
    head = GET[:-2] + b"x-slow: " + b"y" * 1000
    position = 0
    while attack.goes_on():
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.sendall(head[position : position + 1])
        position += 1
        time.sleep(0.1)
    attack.closed = attack.how_many_are_closed(connections)
    check(
        attack.closed == len(connections),
        f"slow heads: {attack.closed} of {len(connections)} connections are closed after {HEADER_TIMEOUT} ms",
    )


def slow_openings_http2(attack):
    """The preface and no more, half of a head and no more, a frame's head and no more."""
    beginnings = {
        "half a preface": PREFACE[:10], "a preface": PREFACE, "half of SETTINGS": PREFACE + settings()[:5],
        "no request": PREFACE + settings(), "half a head": PREFACE + settings() + headers(1, request_block(), 0),
        "half a frame": PREFACE + settings() + headers(1, request_block(), ENDS)[:20],
    }  # fmt: skip
    connections = {name: [attack.connect() for _ in range(50)] for name in beginnings}
    for name, beginning in beginnings.items():
        for connection in connections[name]:
            connection.sendall(beginning)
    time.sleep(HEADER_TIMEOUT / 1000 + 1.5)
    closed = {name: attack.how_many_are_closed(each) for name, each in connections.items()}
    attack.closed = sum(closed.values())
    check(
        all(count == 50 for count in closed.values()),
        f"openings that stop: of 50 each are closed after {HEADER_TIMEOUT} ms: {closed}",
    )


def slow_bodies(attack):
    """Bodies that stand still: the server's patience with them ends too."""
    connections = []
    for number in range(300):
        if number % 2:
            connection = attack.http2()
            connection.sendall(headers(1, request_block("/sum", "POST")) + data(1, b"x"))
        else:
            connection = attack.connect()
            connection.sendall(b"POST /sum HTTP/1.1\r\nhost: peer\r\ncontent-length: 1000000\r\n\r\nx")
        connections.append(connection)
    time.sleep(STALL_TIMEOUT / 1000)
    # What is left are those of the well-behaved. A busy machine is late with its alarms.
    until(lambda: attack.figures()["requests"] <= 16, 10)
    under_way = attack.figures()["requests"]
    check(under_way <= 16, f"bodies that stop: {under_way} requests are under way after {STALL_TIMEOUT} ms")


def dripping_bodies(attack):
    """Bodies that come a byte at a time are bodies all the same; they must cost nothing but their connection."""
    connections = [attack.connect() for _ in range(200)]
    for connection in connections:
        connection.sendall(b"POST /sum HTTP/1.1\r\nhost: peer\r\ncontent-length: 1000000\r\n\r\n")
    while attack.goes_on():
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.sendall(b"x")
        time.sleep(0.1)


def idle_connections(attack):
    connections = [attack.connect() for _ in range(1500)]
    time.sleep(HEADER_TIMEOUT / 1000 + 1.5)
    attack.closed = attack.how_many_are_closed(connections)
    check(
        attack.closed == len(connections),
        f"idle connections: {attack.closed} of {len(connections)} are closed after "
        f"{HEADER_TIMEOUT} ms without a request",
    )


def churn(attack):
    """Connections that come and go, with a reset."""

    def work():
        while attack.goes_on():
            connection = attack.connect()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.sendall(random.choice([b"", GET, GET[:10], PREFACE, PREFACE + settings()]))
            connection.close()
            attack.open.pop() if len(attack.open) > 100 else None

    attack.threads(4, work)


def large_heads(attack):
    heads = [
        b"GET / HTTP/1.1\r\nhost: a\r\nx: " + b"y" * 1_000_000, b"GET /" + b"x" * 1_000_000,
        b"GET / HTTP/1.1\r\nhost: a\r\n" + b"x: y\r\n" * 100_000, b"G" * 1_000_000,
        b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\n" + b"x: y\r\n" * 100_000,
        b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5;" + b"x" * 1_000_000,
    ]  # fmt: skip

    def work():
        while attack.goes_on():
            for head in heads:
                connection = attack.connect()
                with contextlib.suppress(OSError):
                    connection.sendall(head)
                    connection.settimeout(0.1)
                    while connection.recv(65_536):
                        pass
                connection.close()

    attack.threads(4, work)


def pipelined_garbage(attack):
    def work():
        dice = random.Random(options.seed)
        while attack.goes_on():
            connection = attack.connect()
            with contextlib.suppress(OSError):
                connection.sendall(GET * 20 + dice.randbytes(5000) + GET * 20)
                connection.settimeout(0.1)
                while connection.recv(65_536):
                    pass

    attack.threads(4, work)


SLOW = {
    "streams without end": requests_without_end, "header bombs": header_bombs,
    "windows that stay shut": never_reads_http2,
    "answers that nobody reads": never_reads_http1, "pipelined answers that nobody reads": never_reads_pipelined,
    "slow heads": slow_heads, "openings that stop": slow_openings_http2, "bodies that stop": slow_bodies,
    "bodies byte by byte": dripping_bodies, "idle connections": idle_connections, "connections that come and go": churn,
    "heads that are too large": large_heads, "pipelined garbage": pipelined_garbage,
}  # fmt: skip


# Requests that two parties read differently


def smuggling(port):
    """Each must be refused, or end the connection, before the request that hides in it is answered."""
    hidden = b"GET /status/299 HTTP/1.1\r\nhost: peer\r\n\r\n"
    post = b"POST /sum HTTP/1.1\r\nhost: peer\r\n"
    length = b"content-length: %d\r\n" % len(hidden)
    chunked = b"transfer-encoding: chunked\r\n"
    shapes = {
        "length and chunks": post + length + chunked + b"\r\n0\r\n\r\n" + hidden,
        "chunks and length": post + chunked + length + b"\r\n0\r\n\r\n" + hidden,
        "two lengths": post + b"content-length: 0\r\n" + length + b"\r\n" + hidden,
        "a list of lengths": post + b"content-length: 0, %d\r\n\r\n" % len(hidden) + hidden,
        "a signed length": post + b"content-length: +0\r\n\r\n" + hidden,
        "a negative length": post + b"content-length: -1\r\n\r\n" + hidden,
        "a hexadecimal length": post + b"content-length: 0x0\r\n\r\n" + hidden,
        "an empty length": post + b"content-length: \r\n\r\n" + hidden,
        "a folded length": post + b"content-length:\r\n 0\r\n\r\n" + hidden,
        "a space before the colon": post + b"content-length : 0\r\n\r\n" + hidden,
        "a space before a coding's colon": post + length + b"transfer-encoding : chunked\r\n\r\n0\r\n\r\n" + hidden,
        "another coding": post + b"transfer-encoding: xchunked\r\n\r\n0\r\n\r\n" + hidden,
        "chunks that are not last": post + b"transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n" + hidden,
        "chunks twice": post + b"transfer-encoding: chunked, chunked\r\n\r\n0\r\n\r\n" + hidden,
        "two codings": post + chunked + b"transfer-encoding: identity\r\n\r\n0\r\n\r\n" + hidden,
        "a vertical tab in the coding": post + length + b"transfer-encoding: \x0bchunked\r\n\r\n0\r\n\r\n" + hidden,
        "a folded coding": post + length + b"transfer-encoding:\r\n chunked\r\n\r\n0\r\n\r\n" + hidden,
        "a NUL in a value": post + b"x: a\0b\r\n" + length + chunked + b"\r\n0\r\n\r\n" + hidden,
        "a bare CR": post + b"x: a\rcontent-length: 0\r\n" + chunked + length + b"\r\n0\r\n\r\n" + hidden,
        "a chunk size of 0x": post + chunked + b"\r\n0x0\r\n\r\n" + hidden,
        "a signed chunk size": post + chunked + b"\r\n+0\r\n\r\n" + hidden,
        "a chunk size beyond 64 bits": post + chunked + b"\r\n10000000000000000\r\n\r\n" + hidden,
        "a bare LF behind a chunk's extension": post + chunked + b"\r\n0;x\nx\r\n\r\n" + hidden,
        "a chunk without its end": post + chunked + b"\r\n1\r\nxx0\r\n\r\n" + hidden,
        "HTTP/1.0 with chunks": b"POST /sum HTTP/1.0\r\nhost: peer\r\nconnection: keep-alive\r\n" + chunked + length
        + b"\r\n0\r\n\r\n" + hidden,
    }  # fmt: skip
    plain = {
        "no host": b"GET / HTTP/1.1\r\n\r\n", "two hosts": b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
        "a bare CR in the line": b"GET /\r HTTP/1.1\r\nhost: a\r\n\r\n",
        "a NUL in the path": b"GET /\0 HTTP/1.1\r\nhost: a\r\n\r\n",
        "a space in the path": b"GET /a b HTTP/1.1\r\nhost: a\r\n\r\n", "no version": b"GET /\r\n\r\n",
        "HTTP/2.0 without its preface": b"GET / HTTP/2.0\r\nhost: a\r\n\r\n",
        "HTTP/9.9": b"GET / HTTP/9.9\r\nhost: a\r\n\r\n",
        "a space in a name": b"GET / HTTP/1.1\r\nhost: a\r\nx y: z\r\n\r\n",
        "an empty name": b"GET / HTTP/1.1\r\nhost: a\r\n: z\r\n\r\n",
        "a field that begins with a space": b"GET / HTTP/1.1\r\n host: a\r\n\r\n",
        "CONNECT": b"CONNECT a:1 HTTP/1.1\r\nhost: a\r\n\r\n",
        "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 100,
        "half a preface and a request": PREFACE[:16] + GET,
    }  # fmt: skip
    for group, table in (("hidden requests", shapes), ("requests that are none", plain)):
        bad, statuses = {}, {}
        for name, content in table.items():
            said = converse(port, content)
            status = (
                said.split(b"\r\n")[0].split(b" ")[1].decode(errors="replace") if said[:5] == b"HTTP/" else "closed"
            )
            statuses[status] = statuses.get(status, 0) + 1
            if said == b"hang":
                bad[name] = "no answer, and no end"
            elif b" 299 " in said:
                bad[name] = f"the hidden request was answered, after {status}"
            elif group != "hidden requests" and status not in (
                "400",
                "404",
                "405",
                "426",
                "431",
                "501",
                "505",
                "closed",
            ):
                bad[name] = status
        check(not bad, f"{group}: {len(table)} shapes: {statuses} {bad or ''}")


def converse(port, content):
    """Everything that the server says until it closes; `hang` if it neither answers nor closes."""
    said = b""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        with contextlib.suppress(OSError):
            connection.sendall(content)
        connection.settimeout(HEADER_TIMEOUT / 1000 + 3)
        try:
            while piece := connection.recv(65_536):
                said += piece
                # A kept connection says no more; what is hidden would come at once.
                connection.settimeout(0.3)
        except TimeoutError:
            return said or b"hang"
        except OSError:
            pass
    return said


def mutations(port):
    """Damaged requests: each is answered or its connection closed."""
    whole1 = (
        b"POST /echo HTTP/1.1\r\nhost: peer\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx: y\r\n\r\n" + GET
    )
    whole2 = settings((3, 100)) + headers(1, request_block("/echo", "POST")) + data(1, b"hello", END_STREAM) \
        + headers(3, request_block("/b/10"), ENDS) + window_update(0, 1000)  # fmt: skip
    for title, opening, whole in (("HTTP/1.1", b"", whole1), ("HTTP/2", PREFACE, whole2)):
        numbers = iter(range(options.mutations))
        stuck = []

        def work():
            for number in numbers:
                dice = random.Random(f"{options.seed}/{title}/{number}")
                content = opening + damaged(dice, whole)
                try:
                    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
                        connection.sendall(content)
                        connection.shutdown(socket.SHUT_WR)
                        while connection.recv(65_536):
                            pass
                except TimeoutError:
                    stuck.append(content)
                except OSError:
                    pass

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        check(not stuck, f"damaged requests: {options.mutations} of {title} are answered or dropped {stuck[:2] or ''}")


class Watch:
    """The server's memory while something happens to it."""

    def __init__(self, server):
        self.server = server
        self.most = 0
        self.goes_on = True
        self.thread = threading.Thread(target=self._look)
        self.thread.start()

    def _look(self):
        while self.goes_on:
            with contextlib.suppress(Exception):
                self.most = max(self.most, self.server.figures().get("residentKB", 0) // 1024)
            time.sleep(0.1)

    def end(self):
        self.goes_on = False
        self.thread.join()
        return self.most


def strike(server, bystanders, work):
    """An attack, when it is over, and what became of well-behaved clients meanwhile."""
    seconds = max(options.seconds, 3.5)
    started = {
        title: peer.start(path="/b/1000", concurrency=4, summary=True, forMilliseconds=int(seconds * 1000))
        for title, peer in bystanders.items()
    }
    attack = Attack(server.port, seconds)
    attack.figures = server.figures
    try:
        work(attack)
    finally:
        attack.close()
    return attack, {title: bystanders[title].take(number) for title, number in started.items()}


def endure(server, bystanders, name, work):
    before = server.figures()
    wait = WAIT["debug" if server.is_debug else "release"]
    watch = Watch(server)
    for trial in range(1, TRIALS + 1):
        attack, served = strike(server, bystanders, work)
        is_only_slow = all(list(whole.get("outcomes", {})) == ["200"] for whole in served.values())
        if not is_only_slow or all(whole["p99"] < wait for whole in served.values()) or trial == TRIALS:
            break
        print(f"       {name}: slow at trial {trial}: p99 {[whole['p99'] for whole in served.values()]} ms", flush=True)
    for title, whole in served.items():
        check(
            list(whole.get("outcomes", {})) == ["200"] and whole.get("p99", 9e9) < wait,
            f"{name}: {title}: {whole.get('outcomes')}, p50 {whole.get('p50')} ms, "
            f"p99 {whole.get('p99')} ms < {wait} ms "
            f"{[each.get('message') for each in whole.get('failures', [])][:1] or ''}",
        )
    if name in ENDED:
        check(attack.closed > 0, f"{name}: the server ends the connection: {attack.closed} of them")
    most = watch.end()
    base = before.get("residentKB", 0) // 1024
    closed = f", {attack.closed} connections closed by the server" if attack.closed else ""
    check(
        server.is_running() and most < base + MEMORY,
        f"{name}: memory {base} → {most} MB, less than {MEMORY} more{closed}",
    )
    settled = until(
        lambda: (now := server.figures())["requests"] <= before["requests"] and now["connections"] <= 16, 15
    )
    check(settled, f"{name}: its connections and requests are gone {'' if settled else server.figures()}")


class Stage:
    """A server and its well-behaved clients."""

    def __init__(self):
        self.server = PeerServer(options.peer, "--header-timeout", HEADER_TIMEOUT, "--stall-timeout", STALL_TIMEOUT)
        clusters = {"peer": self.server.address}
        self.bystanders = {
            title: Client(options.peer, "--http", version, clusters=clusters)
            for title, version in (("HTTP/1.1", 1), ("HTTP/2", 2))
        }

    def calm(self):
        """How it is without an attack, and so that everything is warm when one comes."""
        for title, peer in self.bystanders.items():
            whole = peer.many(500, 4, path="/b/1000")
            check(
                whole.get("outcomes") == {"200": 500},
                f"without an attack: {title}: p50 {whole.get('p50')} ms, p99 "
                f"{whole.get('p99')} ms {whole.get('outcomes')}",
            )

    def end(self):
        for peer in self.bystanders.values():
            check(peer.stop() is not None, "the well-behaved client ends")
        settled = until(lambda: self.server.figures()["connections"] == 0, 15)
        check(settled, f"the server is at rest {self.server.figures()}")
        check(self.server.stop(), "the server ends when it is told to")


with verdict():
    stage = Stage()
    stage.calm()
    for name, work in {**{f"{name} flood": work for name, work in FLOODS.items()}, **SLOW}.items():
        if options.match not in name:
            continue
        try:
            endure(stage.server, stage.bystanders, name, work)
        except Exception as error:
            check(False, f"{name}: the server survives it: {error!r}")
            stage = Stage()
    if options.match in "smuggling":
        smuggling(stage.server.port)
    if options.match in "mutations":
        mutations(stage.server.port)
        check(stage.server.is_running(), "damaged requests: the server is alive")
    stage.end()
