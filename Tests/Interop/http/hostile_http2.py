# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""The cases of hostile_servers.py for HTTP/2."""

import random
import struct
import time

import frames
from frames import (
    ACK,
    END_HEADERS,
    END_STREAM,
    PADDED,
    STATUS_200,
    data,
    fields,
    frame,
    go_away,
    headers,
    literal,
    reset,
    settings,
    window_update,
)
from hostile_http1 import damaged
from scripted import ANYTHING, CLOSED, DEADLINE, FAULT, Case, answers, opened

ENDS = END_HEADERS | END_STREAM
FINE = frozenset({200})
UPLOAD = {"method": "POST", "body": {"size": 3_000_000, "chunk": 16_384}}
ENDLESS = FAULT | DEADLINE | {"responseTooLarge"}


def reply(stream):
    return headers(stream) + data(stream, b"0123456789", END_STREAM)


def connection_errors():
    """What RFC 9113 calls a connection error, said before the answer and between its parts."""
    bad = {
        "DATA on stream 0": lambda s: data(0, b"x"), "HEADERS on stream 0": lambda s: headers(0),
        "DATA on an idle stream": lambda s: data(s + 100, b"x"), "DATA on an even stream": lambda s: data(2, b"x"),
        "HEADERS on an idle stream": lambda s: headers(s + 100), "HEADERS on an even stream": lambda s: headers(2),
        "RST_STREAM on stream 0": lambda s: reset(0, 0), "RST_STREAM on an idle stream": lambda s: reset(s + 100, 8),
        "RST_STREAM of 3 bytes": lambda s: frame(frames.RST_STREAM, 0, s, b"\0\0\0"),
        "WINDOW_UPDATE of 3 bytes": lambda s: frame(frames.WINDOW_UPDATE, 0, s, b"\0\0\1"),
        "WINDOW_UPDATE of 0 on the connection": lambda s: window_update(0, 0),
        "WINDOW_UPDATE beyond 2^31 on the connection": lambda s: window_update(0, 0x7FFF_FFFF) * 2,
        "WINDOW_UPDATE on an idle stream": lambda s: window_update(s + 100, 1),
        "SETTINGS on a stream": lambda s: settings((3, 100), stream=s),
        "SETTINGS of 5 bytes": lambda s: frame(frames.SETTINGS, 0, 0, b"\0\3\0\0\0"),
        "an acknowledgement of SETTINGS with a payload": lambda s: settings((3, 100), flags=ACK),
        "SETTINGS that enable pushing": lambda s: settings((2, 1)),
        "SETTINGS with push of 2": lambda s: settings((2, 2)),
        "SETTINGS with a window of 2^31": lambda s: settings((4, 1 << 31)),
        "SETTINGS with frames of 100 bytes": lambda s: settings((5, 100)),
        "SETTINGS with frames of 2^24 bytes": lambda s: settings((5, 1 << 24)),
        "PING of 7 bytes": lambda s: frame(frames.PING, 0, 0, b"1234567"),
        "PING on a stream": lambda s: frame(frames.PING, 0, s, b"12345678"),
        "PUSH_PROMISE": lambda s: frame(frames.PUSH_PROMISE, END_HEADERS, s, struct.pack(">I", 2) + b"\x82\x86\x84"),
        "PUSH_PROMISE on stream 0": lambda s: frame(frames.PUSH_PROMISE, END_HEADERS, 0, struct.pack(">I", 2)),
        "CONTINUATION without HEADERS": lambda s: frame(frames.CONTINUATION, END_HEADERS, s, STATUS_200),
        "CONTINUATION on stream 0": lambda s: frame(frames.CONTINUATION, END_HEADERS, 0, STATUS_200),
        "CONTINUATION of another stream": lambda s: headers(s, flags=0) + frame(frames.CONTINUATION, END_HEADERS,
            s + 2),
        "DATA in the middle of HEADERS": lambda s: headers(s, flags=0) + data(s, b"x"),
        "PING in the middle of HEADERS": lambda s: headers(s, flags=0) + frame(frames.PING, 0, 0, b"12345678"),
        "HPACK: index 0": lambda s: headers(s, b"\x80"),
        "HPACK: index out of the table": lambda s: headers(s, b"\xff\x80\x7f"),
        "HPACK: an endless integer": lambda s: headers(s, b"\xff" + b"\xff" * 20),
        "HPACK: a string beyond its block": lambda s: headers(s, STATUS_200 + b"\x00\x7fabc"),
        "HPACK: a cut field": lambda s: headers(s, STATUS_200 + b"\x00\x03ab"),
        "HPACK: a table beyond its limit": lambda s: headers(s, b"\x3f\xe1\xff\x7f" + STATUS_200),
        "HPACK: bad Huffman padding": lambda s: headers(s, STATUS_200 + b"\x00\x81\x00\x81\x00"),
        "HPACK: end of string in Huffman": lambda s: headers(s, STATUS_200 + b"\x00\x84\xff\xff\xff\xff\x01x"),
        "padding beyond DATA": lambda s: headers(s) + frame(frames.DATA, PADDED, s, b"\x20abc"),
        "padding beyond HEADERS": lambda s: frame(frames.HEADERS, END_HEADERS | PADDED, s, b"\x20\x88"),
        "a padded DATA without a length": lambda s: headers(s) + frame(frames.DATA, PADDED, s, b""),
        "DATA of 20 000 bytes": lambda s: headers(s) + data(s, b"x" * 20_000),
        "HEADERS of 20 000 bytes": lambda s: headers(s, literal("x", "y" * 20_000)),
        "a frame that says 16 MB": lambda s: frame(frames.DATA, 0, s, b"x", length=0xFF_FFFF),
        "GOAWAY of 7 bytes": lambda s: frame(frames.GOAWAY, 0, 0, b"1234567"),
        "GOAWAY on a stream": lambda s: frame(frames.GOAWAY, 0, s, struct.pack(">II", s, 0)),
        "garbage": lambda s: b"\xff" * 100,
        "HTTP/1.1": lambda s: b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n",
    }  # fmt: skip
    for name, make in bad.items():
        # Some need the head of an answer in front of them.
        state = None if "DATA" in name else "maybeSent"
        yield Case("connection errors before the answer", name, answers(make, hold=1), FAULT, state, limit=4)
        yield Case(
            "connection errors in the answer",
            name,
            answers(headers, lambda s: data(s, b"x"), make, hold=1),
            FAULT,
            limit=4,
        )
    # Not one byte of theirs is HTTP/2: nothing was sent, or maybe something was.
    first = {
        "HTTP/1.1 at the start": b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        "a frame before SETTINGS": frame(frames.PING, 0, 0, b"12345678"), "noise at the start": bytes(range(256)) * 4,
    }  # fmt: skip
    for name, content in first.items():
        yield Case(
            "connection errors before the answer",
            name,
            answers(hold=1, settings=content),
            FAULT | {"connectionFailed"},
            limit=4,
        )


def stream_errors():
    """What concerns one stream: its request fails, and the connection may go on."""
    bad = {
        "no status": lambda s: headers(s, fields(("x", "y"))),
        "two statuses": lambda s: headers(s, STATUS_200 + STATUS_200),
        "a status behind a field": lambda s: headers(s, fields(("x", "y")) + STATUS_200),
        "a status of letters": lambda s: headers(s, fields((":status", "abc"))),
        "a status of two digits": lambda s: headers(s, fields((":status", "99"))),
        "an empty status": lambda s: headers(s, fields((":status", ""))),
        "101": lambda s: headers(s, fields((":status", "101"))),
        "a request's pseudo field": lambda s: headers(s, STATUS_200 + fields((":path", "/"))),
        "an unknown pseudo field": lambda s: headers(s, STATUS_200 + fields((":x", "y"))),
        "a name in upper case": lambda s: headers(s, STATUS_200 + fields(("X-Upper", "y"))),
        "a name with a space": lambda s: headers(s, STATUS_200 + fields(("x y", "z"))),
        "an empty name": lambda s: headers(s, STATUS_200 + fields(("", "z"))),
        "a value with CR LF": lambda s: headers(s, STATUS_200 + fields(("x", "a\r\nb: c"))),
        "a value with NUL": lambda s: headers(s, STATUS_200 + fields(("x", "a\0b"))),
        "connection: close": lambda s: headers(s, STATUS_200 + fields(("connection", "close"))),
        "transfer-encoding": lambda s: headers(s, STATUS_200 + fields(("transfer-encoding", "chunked"))),
        "DATA before HEADERS": lambda s: data(s, b"x"),
        "more than its length": lambda s: headers(s, STATUS_200 + fields(("content-length", "2"))) + data(s, b"xxx", 1),
        "less than its length": lambda s: headers(s, STATUS_200 + fields(("content-length", "9"))) + data(s, b"xxx", 1),
        "none of its length": lambda s: headers(s, STATUS_200 + fields(("content-length", "9")), ENDS),
        "two lengths": lambda s: headers(s,
            STATUS_200 + fields(("content-length", "3"), ("content-length", "4"))) + data(s, b"xxx", 1),
        "a length of letters": lambda s: headers(s, STATUS_200 + fields(("content-length", "x"))) + data(s, b"xxx", 1),
        "a status in the trailers": lambda s: headers(s) + data(s, b"x") + headers(s, STATUS_200, ENDS),
        "trailers without the end": lambda s: headers(s) + data(s, b"x") + headers(s, fields(("x", "y"))),
        "an interim answer that ends": lambda s: headers(s, fields((":status", "103")), ENDS),
        # Whose request is complete need not look at its window.
        "WINDOW_UPDATE of 0": lambda s: window_update(s, 0),
        "WINDOW_UPDATE beyond 2^31": lambda s: window_update(s, 0x7FFF_FFFF) * 2,
        "PRIORITY of 4 bytes": lambda s: frame(frames.PRIORITY, 0, s, b"1234"),
    }  # fmt: skip
    # What a client may let pass: it harms neither this request nor any other.
    lenient = {"a value with NUL", "an empty name", "a name with a space", "connection: close", "transfer-encoding",
               "two lengths", "a length of letters", "PRIORITY of 4 bytes", "a name in upper case",
               "WINDOW_UPDATE of 0",
               "WINDOW_UPDATE beyond 2^31"}  # fmt: skip
    for name, make in bad.items():
        expected = FAULT | ({200} | DEADLINE if name in lenient else set())
        yield Case("stream errors", name, answers(make, hold=1.5), expected, limit=1.2)
        yield Case("stream errors", f"{name}, and an upload", answers(make, hold=1.5), expected, limit=1.2, job=UPLOAD)


def allowed():
    unknown = frame(0x42, 0xFF, 0, b"whatever")
    for name, *parts in [
        ("unknown frames", unknown, headers, unknown, lambda s: frame(0x42, 1, s, b"x"), lambda s: data(s, b"x", 1)),
        ("unknown settings", settings((0x4242, 1)), reply),
        ("PRIORITY", lambda s: frame(2, 0, s, b"\0\0\0\0\x10"), reply),
        ("padding", lambda s: frame(1, END_HEADERS | PADDED, s, b"\x03\x88\0\0\0") + frame(0, 9, s, b"\x02hi\0\0")),
        ("CONTINUATION", lambda s: headers(s, b"\x88", 0) + frame(9, 0, s, fields(("a", "b"))) + frame(9, 4, s),
            lambda s: data(s, b"x", 1)),
        ("interim answers", lambda s: headers(s, fields((":status", "103"), ("link", "</a>"))) * 3, reply),
        ("a reset without an error behind the answer", reply, lambda s: reset(s, 0)),
        ("trailers", headers, lambda s: data(s, b"x"), lambda s: headers(s, fields(("x", "y")), ENDS)),
        ("empty DATA", headers, data, lambda s: data(s, b"x"), lambda s: data(s, b"", 1)),
        ("a notice of going away", lambda s: go_away(0x7FFF_FFFF), reply, lambda s: go_away(s)),
        ("going away after this one", go_away, reply),
        ("a larger table of fields", lambda s: headers(s, b"\x3f\xe1\x1f" + STATUS_200), lambda s: data(s, b"x", 1)),
    ]:  # fmt: skip
        yield Case("what is allowed", name, answers(*parts, hold=0.5), FINE)


def resets():
    points = {
        "before the answer": [], "after the head": [headers], "in the body": [headers, lambda s: data(s, b"x" * 1000)],
    }  # fmt: skip
    for point, parts in points.items():
        for code in [*range(14), 0x99, 0xFFFF_FFFF]:
            state = "maybeSent" if point == "before the answer" else "answered"
            if code == frames.REFUSED_STREAM and point == "before the answer":
                state = "notSent"
            behave = answers(*parts, lambda s, code=code: reset(s, code), hold=0.5)
            # What was refused may be tried again by itself.
            expected = FAULT | FINE if state == "notSent" else FAULT
            yield Case("resets", f"{code} {point}", behave, expected, state, limit=4)
            yield Case("resets", f"{code} {point}, of an upload", behave, FAULT | {200}, None, limit=4, job=UPLOAD)
    # RFC 9113 §8.1: an answer may come before the request's end, with a reset that asks for no more of it.
    yield Case(
        "what is allowed",
        "a reset without an error in the upload",
        answers(reply, lambda s: reset(s, 0), hold=0.5),
        FINE,
        job=UPLOAD,
    )


def many(content, count):
    """A long answer with something between its pieces, `count` times, as fast as the client takes it."""
    return answers(
        headers, *[lambda s: content(s) + data(s, b"x" * 10)] * count, lambda s: data(s, b"", END_STREAM), hold=0.5
    )


def liveliness():
    """What real servers do in long answers: gRPC's pings for each window, flushes, small windows."""
    ping = frame(frames.PING, 0, 0, b"12345678")
    for name, content in [
        ("500 PING", lambda s: ping), ("20 empty DATA", data), ("500 SETTINGS", lambda s: settings((3, 100))),
        ("500 WINDOW_UPDATE", lambda s: window_update(0, 1)),
    ]:  # fmt: skip
        yield Case("long answers", name, many(content, int(name.split()[0])), FINE)


def farewells():
    for code in (0, 1, 2, 11, 0x99):
        leaves = answers(lambda s, code=code: go_away(0, code))
        yield Case(
            "GOAWAY",
            f"{code}, nothing was done",
            leaves,
            CLOSED | {"connectionFailed", "protocolViolation"},
            "notSent",
            limit=4,
        )
        yield Case(
            "GOAWAY",
            f"{code}, nothing was done, of an upload",
            leaves,
            CLOSED | {"connectionFailed", "protocolViolation"},
            "notSent",
            limit=4,
            job=UPLOAD,
        )
        stays = answers(lambda s, code=code: go_away(0, code), hold=3)
        yield Case(
            "GOAWAY",
            f"{code}, nothing was done, and it stays",
            stays,
            CLOSED | {"connectionFailed", "protocolViolation"},
            "notSent",
            limit=4,
        )
        yield Case(
            "GOAWAY",
            f"{code}, this one may be done",
            answers(lambda s, code=code: go_away(s, code)),
            FAULT,
            "maybeSent",
            limit=4,
        )
        yield Case(
            "GOAWAY",
            f"{code} after the head",
            answers(headers, lambda s, code=code: go_away(s, code)),
            FAULT,
            "answered",
            limit=4,
        )
        yield Case(
            "GOAWAY",
            f"{code} in the body, below the stream",
            answers(headers, lambda s, code=code: data(s, b"x") + go_away(0, code)),
            FAULT,
            limit=4,
        )
    yield Case("GOAWAY", "with a rising stream", answers(lambda s: go_away(s) + go_away(s + 100), reply), FAULT | FINE)
    yield Case("GOAWAY", "with 16 KB of reasons", answers(lambda s: go_away(s, 0, b"x" * 16_000), reply), FAULT | FINE)
    yield Case(
        "GOAWAY", "before the settings are acknowledged", answers(reply, settings=settings() + go_away(1)), FAULT | FINE
    )


def repeatedly(opening, piece, seconds=2.2):
    """Says the same again and again; nobody has to end that by himself, so that it ends with the case."""

    def behave(connection):
        reader, stream = opened(connection)
        connection.sendall(opening(stream))
        content = piece(stream)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            connection.sendall(content)

    return behave


def nothing(stream):
    return b""


def large():
    name = {n: fields(*[(f"x-{n}-{i}", "y" * 1000) for i in range(n)]) for n in (100, 1000)}

    def block(content):
        pieces = [content[at : at + 16_000] for at in range(0, len(content), 16_000)]
        return lambda s: (
            headers(s, pieces[0], END_HEADERS if len(pieces) == 1 else 0)
            + b"".join(
                frame(frames.CONTINUATION, END_HEADERS if piece is pieces[-1] else 0, s, piece) for piece in pieces[1:]
            )
        )

    too_large = FAULT | {"responseTooLarge", "overflow"}
    yield Case("heads that are too large", "100 KB", answers(block(STATUS_200 + name[100]), hold=1), too_large, limit=4)
    yield Case("heads that are too large", "1 MB", answers(block(STATUS_200 + name[1000]), hold=1), too_large, limit=4)
    many = fields(*[(f"x-{n}", "y") for n in range(1000)])
    yield Case("heads that are too large", "1000 fields", answers(block(STATUS_200 + many), hold=1), too_large, limit=4)
    bomb = STATUS_200 + literal("x-bomb", "y" * 4000, indexed=True) + b"\xbe" * 12_000
    yield Case("heads that are too large", "a bomb of 48 MB in 16 KB", answers(block(bomb), hold=1), too_large, limit=4)
    yield Case(
        "heads that are too large",
        "such a bomb in the trailers",
        answers(headers, lambda s: headers(s, bomb[1:], ENDS), hold=1),
        too_large,
        limit=4,
    )
    yield Case(
        "heads that are too large",
        "trailers of 100 KB",
        answers(headers, lambda s: block(name[100])(s)[:4] + bytes([END_STREAM]) + block(name[100])(s)[5:], hold=1),
        too_large,
        limit=4,
    )


def floods():
    ping = frame(frames.PING, 0, 0, b"12345678")
    for name, opening, piece in [
        ("PING", nothing, lambda s: ping * 100),
        ("answers to PING", nothing, lambda s: frame(6, ACK, 0, b"12345678") * 100),
        ("SETTINGS", nothing, lambda s: settings((3, 100)) * 100),
        ("empty SETTINGS", nothing, lambda s: settings() * 100),
        ("acknowledgements of SETTINGS", nothing, lambda s: settings(flags=ACK) * 100),
        ("empty CONTINUATION", lambda s: headers(s, flags=0), lambda s: frame(frames.CONTINUATION, 0, s) * 100),
        ("CONTINUATION", lambda s: headers(s, flags=0), lambda s: frame(9, 0, s, fields(("x", "y" * 100))) * 20),
        ("empty DATA", headers, lambda s: data(s) * 100),
        ("padding", headers, lambda s: frame(frames.DATA, PADDED, s, b"\xff" + b"\0" * 255) * 20),
        ("DATA beyond every window", headers, lambda s: data(s, b"x" * 16_000)),
        ("interim answers", nothing, lambda s: headers(s, fields((":status", "103"), ("x", "y" * 100))) * 20),
        ("PRIORITY", nothing, lambda s: frame(frames.PRIORITY, 0, s, b"\0\0\0\0\x10") * 100),
        ("unknown frames", nothing, lambda s: frame(0x42, 0, 0, b"x" * 1000) * 20),
        ("WINDOW_UPDATE", nothing, lambda s: window_update(0, 1) * 100),
        ("resets of a closed stream", lambda s: reset(s, 8), lambda s: reset(s, 8) * 100),
        ("GOAWAY", nothing, lambda s: go_away(s) * 100),
        ("ALTSVC", nothing, lambda s: frame(0xA, 0, 0, b"\0\1a" + b"x" * 100) * 20),
        ("ORIGIN", nothing, lambda s: frame(0xC, 0, 0, b"\0\1a" + b"x" * 100) * 20),
    ]:  # fmt: skip
        yield Case("floods", name, repeatedly(opening, piece), ENDLESS, limit=2, quick=False)
    yield Case(
        "floods",
        "DATA to a reader that pauses",
        repeatedly(headers, lambda s: data(s, b"x" * 16_000)),
        ENDLESS,
        limit=2,
        quick=False,
        job={"readPause": 300},
    )


def silences():
    yield Case("slow answers", "nothing at all", answers(hold=5), DEADLINE, "maybeSent", limit=2.5)
    yield Case(
        "slow answers", "no SETTINGS", answers(hold=5, settings=b""), DEADLINE | FAULT | {"connectionFailed"}, limit=2.5
    )
    yield Case("slow answers", "a head and nothing more", answers(headers, hold=5), DEADLINE, "answered", limit=2.5)
    yield Case(
        "slow answers", "half a head", answers(lambda s: headers(s, flags=0), hold=5), DEADLINE, "maybeSent", limit=2.5
    )
    yield Case(
        "slow answers", "half a frame", answers(lambda s: headers(s)[:5], hold=5), DEADLINE, "maybeSent", limit=2.5
    )
    closed = settings((4, 0))
    yield Case(
        "slow answers",
        "a window that stays shut",
        answers(hold=5, settings=closed),
        DEADLINE,
        "maybeSent",
        limit=2.5,
        job=UPLOAD,
    )
    yield Case("slow answers", "a window of one byte at a time", drip, DEADLINE, "maybeSent", limit=2.5, job=UPLOAD)

    def byte_by_byte(connection):
        _, stream = opened(connection)
        connection.sendall(headers(stream))
        for _ in range(50):
            connection.sendall(data(stream, b"x"))
            time.sleep(0.1)

    yield Case("slow answers", "a body, byte by byte", byte_by_byte, DEADLINE, "answered", limit=2.5)
    none = settings((3, 0))
    yield Case("slow answers", "no streams allowed", answers(hold=5, settings=none), ANYTHING, limit=2.5, quick=False)


def drip(connection):
    _, stream = opened(connection, settings=settings((4, 0)))
    for _ in range(200):
        connection.sendall(window_update(stream, 1))
        time.sleep(0.02)


ANSWER = headers(1, STATUS_200 + fields(("content-length", "10"), ("x", "y"))) \
    + data(1, b"01234") + data(1, b"56789") + headers(1, fields(("x-trailer", "yes")), ENDS)  # fmt: skip


def raw(content, first=settings((3, 100))):
    """Says `first`, takes the opening and a request, and says bytes."""

    def behave(connection):
        connection.sendall(first)
        connection.settimeout(1)
        opened(connection, settings=b"")
        connection.sendall(content)

    return behave


def cuts():
    """The server leaves after every byte of an answer."""
    head = ANSWER.index(data(1, b"01234"))
    opening = settings((3, 100))
    for end in range(len(opening)):
        yield Case(
            "the end after every byte",
            f"the opening's {end}",
            lambda c, end=end: c.sendall(opening[:end]),
            CLOSED | {"connectionFailed"},
            "notSent",
            limit=4,
        )
    for end in range(len(ANSWER)):
        state = "answered" if end >= head else "maybeSent"
        yield Case("the end after every byte", f"{end}", raw(ANSWER[:end]), FAULT, state, limit=4)
        yield Case(
            "the end after every byte",
            f"POST {end}",
            raw(ANSWER[:end]),
            FAULT,
            state,
            limit=4,
            job={"method": "POST", "body": {"size": 100}},
        )


def mutations(count, seed):
    opening = settings((3, 100))
    for number in range(count):
        dice = random.Random(f"{seed}/h2/{number}")
        if dice.randrange(8):
            content, first = damaged(dice, ANSWER), opening
        else:
            content, first = ANSWER, damaged(dice, opening)
        yield Case("damaged answers", f"{number} {first.hex()} {content.hex()}", raw(content, first), ANYTHING, limit=3)


def cases(count, seed):
    for part in (
        connection_errors(),
        stream_errors(),
        allowed(),
        resets(),
        liveliness(),
        farewells(),
        large(),
        floods(),
        silences(),
        cuts(),
        mutations(count, seed),
    ):
        yield from part
