# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""The cases of hostile_servers.py for HTTP/1.1."""

import random
import time

from scripted import ANYTHING, CLOSED, DEADLINE, FAULT, VIOLATION, Case, read_head, says, stay

OK = b"HTTP/1.1 200 OK\r\n"
PLAIN = OK + b"content-type: text/plain\r\ncontent-length: 10\r\n\r\n0123456789"
CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nx-trailer: yes\r\n\r\n"
INTERIM = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"
ENDLESS = frozenset({"deadlineExceeded", "protocolViolation", "responseTooLarge"})


def repeatedly(opening, piece, seconds=2.5, pause=0.0):
    """Says something, and then the same again and again until the client leaves."""

    def behave(connection):
        read_head(connection)
        connection.sendall(opening)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            connection.sendall(piece)
            if pause:
                time.sleep(pause)

    return behave


def early(answer, reads):
    """Answers at the head of the request, and then reads the rest of it, or does not."""

    def behave(connection):
        read_head(connection)
        connection.sendall(answer)
        if reads:
            stay(connection, 0.5)
        else:
            time.sleep(2)

    return behave


def broken():
    """Answers that are none, and answers that smuggle."""
    heads = {
        "nothing but a line break": b"\r\n\r\n", "garbage": b"\x00\x01\x02\x03 garbage \xff\xfe\r\n\r\n",
        "another protocol": b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        "no status": b"HTTP/1.1\r\n\r\n", "a status of letters": b"HTTP/1.1 abc OK\r\n\r\n",
        "a status of two digits": b"HTTP/1.1 99 OK\r\n\r\n", "a status of five digits": b"HTTP/1.1 20000 OK\r\n\r\n",
        "a version of HTTP/2": b"HTTP/2.0 200 OK\r\n\r\n", "a version of letters": b"HTTP/x.y 200 OK\r\n\r\n",
        "a request": b"GET / HTTP/1.1\r\nhost: a\r\n\r\n",
        "a field without a colon": OK + b"nonsense\r\ncontent-length: 0\r\n\r\n",
        "a space before the colon": OK + b"content-length : 4\r\n\r\nevil",
        "a NUL in a value": OK + b"x: a\x00b\r\ncontent-length: 0\r\n\r\n",
        "a NUL in a name": OK + b"x\x00y: b\r\ncontent-length: 0\r\n\r\n",
        "a bare CR in a value": OK + b"x: a\rb\r\ncontent-length: 0\r\n\r\n",
        "an empty name": OK + b": x\r\ncontent-length: 0\r\n\r\n",
        "two lengths that differ": OK + b"content-length: 4\r\ncontent-length: 8\r\n\r\nevilevil",
        "a list of lengths that differ": OK + b"content-length: 4, 8\r\n\r\nevilevil",
        "a negative length": OK + b"content-length: -1\r\n\r\n",
        "a signed length": OK + b"content-length: +4\r\n\r\nevil",
        "a length of letters": OK + b"content-length: four\r\n\r\nevil",
        "a length beyond 64 bits": OK + b"content-length: 99999999999999999999999\r\n\r\nevil",
        "a hexadecimal length": OK + b"content-length: 0x4\r\n\r\nevil",
        "a chunk size of letters": OK + b"transfer-encoding: chunked\r\n\r\nxyz\r\nevil\r\n0\r\n\r\n",
        "a negative chunk size": OK + b"transfer-encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n",
        "a chunk size beyond 64 bits": OK + b"transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\nhello",
        "a chunk that is longer than it says": OK + b"transfer-encoding: chunked\r\n\r\n2\r\nhello\r\n0\r\n\r\n",
        "length and chunks": OK + b"content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n4\r\nevil\r\n0\r\n\r\n",
    }  # fmt: skip
    # What llhttp and other clients accept, or RFC 9112 lets a client read so; the next request must be untouched.
    lenient = {
        "a space before the colon", "a NUL in a value", "a bare CR in a value", "length and chunks",
        "a list of lengths that differ", "nothing but a line break", "a status of five digits",
    }  # fmt: skip
    for name, content in heads.items():
        expected = FAULT | {0} if name in lenient else FAULT
        yield Case("what is no HTTP", name, says(content, hold=0.3), expected)
        yield Case("what is no HTTP", f"{name}, then the end", says(content), expected)


def tolerated():
    folded = OK + b"x-folded: a\r\n  b\r\ncontent-length: 4\r\n\r\nfine"
    yield Case("what is allowed", "a folded field", says(folded), FAULT | {200})
    yield Case("what is allowed", "an interim answer", says(INTERIM + PLAIN), frozenset({200}))
    yield Case("what is allowed", "three of them", says(INTERIM * 3 + PLAIN), frozenset({200}))
    yield Case("what is allowed", "a body until the end", says(OK + b"\r\nuntil the end"), frozenset({200}))
    yield Case("what is allowed", "HTTP/1.0", says(b"HTTP/1.0 200 OK\r\n\r\nold"), frozenset({200}))
    yield Case("what is allowed", "no reason", says(b"HTTP/1.1 200 \r\ncontent-length: 0\r\n\r\n"), frozenset({200}))
    yield Case(
        "what is allowed",
        "the same length twice",
        says(OK + b"content-length: 4\r\ncontent-length: 4\r\n\r\nfine"),
        FAULT | {200},
    )
    yield Case("what is allowed", "byte by byte", says(CHUNKED, pieces=len(CHUNKED), pause=0.001), frozenset({200}))
    # The rest is an answer that nobody asked for: it must be nobody's.
    evil = OK + b"content-length: 4\r\n\r\nevil"
    for name, answer, job in [
        ("a second answer", PLAIN, {}), ("a second answer after chunks", CHUNKED, {}),
        ("a body behind the head of HEAD", OK + b"content-length: 44\r\n\r\n", {"method": "HEAD"}),
        ("a body behind 204", b"HTTP/1.1 204 No Content\r\n\r\n", {}),
        ("a body behind 304", b"HTTP/1.1 304 Not Modified\r\ncontent-length: 44\r\n\r\n", {}),
    ]:  # fmt: skip
        yield Case("answers that nobody asked for", name, says(answer + evil, hold=1), FAULT | {0}, rest=0.1, job=job)
        yield Case(
            "answers that nobody asked for", f"{name}, later", says_later(answer, evil), FAULT | {0}, rest=0.2, job=job
        )
    switching = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"
    yield Case(
        "what is no HTTP", "101 that nobody asked for", says(switching, hold=1), FAULT | DEADLINE | {101}, limit=3
    )


def says_later(answer, more):
    def behave(connection):
        read_head(connection)
        connection.sendall(answer)
        time.sleep(0.05)
        connection.sendall(more)
        stay(connection, 1)

    return behave


def large():
    too_large = VIOLATION | {"responseTooLarge", "overflow"}
    for name, content in {
        "one field of 1 MB": OK + b"x: " + b"x" * 1_000_000 + b"\r\ncontent-length: 0\r\n\r\n",
        "1000 fields": OK + b"".join(b"x-%d: 1\r\n" % n for n in range(1000)) + b"content-length: 0\r\n\r\n",
        "fields of 70 KiB": OK + b"".join(b"x-%d: %s\r\n" % (n, b"y" * 1400) for n in range(50)) + b"\r\n",
        "a name of 100 KB": OK + b"x" * 100_000 + b": 1\r\ncontent-length: 0\r\n\r\n",
        "a reason of 1 MB": b"HTTP/1.1 200 " + b"x" * 1_000_000 + b"\r\ncontent-length: 0\r\n\r\n",
        "trailers of 1 MB": OK + b"transfer-encoding: chunked\r\n\r\n0\r\nx: " + b"x" * 1_000_000 + b"\r\n\r\n",
        "10 000 trailers": OK + b"transfer-encoding: chunked\r\n\r\n0\r\n" + b"x: y\r\n" * 10_000 + b"\r\n",
        "a chunk extension of 1 MB": OK
        + b"transfer-encoding: chunked\r\n\r\n5;"
        + b"x" * 1_000_000
        + b"\r\nhello\r\n0\r\n\r\n",
    }.items():
        # The reader of a chunk's extension keeps nothing of it, so its size harms nobody.
        expected = too_large | ({200} if "extension" in name else set())
        yield Case("heads that are too large", name, says(content, hold=1), expected)
    chunks = OK + b"transfer-encoding: chunked\r\n\r\n"
    for name, behave, expected in [
        ("interim answers without end", repeatedly(b"", INTERIM * 50), ENDLESS),
        ("fields without end", repeatedly(OK, b"x-endless: yes\r\n" * 50), too_large),
        ("trailers without end", repeatedly(chunks + b"0\r\n", b"x: y\r\n" * 50), too_large),
        ("empty lines without end", repeatedly(b"", b"\r\n" * 50), ENDLESS),
        ("a chunk extension without end", repeatedly(chunks + b"5;", b"x" * 1000), ENDLESS),
        ("chunks of one byte without end", repeatedly(chunks, b"1\r\nx\r\n" * 100), DEADLINE),
        ("zeros in front of a chunk's size", repeatedly(chunks, b"0" * 1000), ENDLESS),
    ]:
        yield Case("floods", name, behave, expected, limit=2, quick=False)
    yield Case(
        "floods",
        "a body without end to a reader that pauses",
        repeatedly(chunks, b"ffff\r\n" + b"x" * 65_535 + b"\r\n"),
        DEADLINE,
        limit=2,
        job={"readPause": 300},
    )


def slow():
    for name, opening, piece in [
        ("the head", b"", b"H"), ("the head's fields", OK + b"x: ", b"y"),
        ("the body", OK + b"content-length: 1000\r\n\r\n", b"x"),
        ("chunks", OK + b"transfer-encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        ("trailers", OK + b"transfer-encoding: chunked\r\n\r\n0\r\nx: ", b"y"),
    ]:  # fmt: skip
        expected = DEADLINE | (FAULT if name == "the head" else set())
        yield Case("slow answers", f"{name}, byte by byte", repeatedly(opening, piece, pause=0.1), expected, limit=1.5)
        state = "maybeSent" if name.startswith("the head") else "answered"
        if name != "the head":
            yield Case("slow answers", f"{name}, and then nothing", says(opening, hold=5), DEADLINE, state, limit=0.7)
    yield Case("slow answers", "nothing at all", says(b"", hold=5), DEADLINE, "maybeSent", limit=0.7)


def uploads():
    body = {"method": "POST", "body": {"size": 10_000_000, "chunk": 16_384}}
    refusal = b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    yield Case(
        "answers before the request's end", "413, and it reads on", early(refusal, True), frozenset({413}), job=body
    )
    yield Case(
        "answers before the request's end",
        "413, and it reads no more",
        early(refusal, False),
        frozenset({413}),
        job=body,
    )
    yield Case(
        "answers before the request's end",
        "200, and it reads on",
        early(PLAIN, True),
        frozenset({200}) | DEADLINE,
        limit=5,
        job=body,
    )
    yield Case(
        "answers before the request's end", "it leaves without an answer", says(b""), CLOSED, "maybeSent", job=body
    )
    yield Case("answers before the request's end", "garbage", says(b"garbage\r\n\r\n"), FAULT, "maybeSent", job=body)
    yield Case(
        "answers before the request's end",
        "it reads nothing",
        early(b"", False),
        CLOSED | DEADLINE,
        job=body,
        limit=1.5,
    )


def cuts():
    """The server leaves, or says no more, after every byte of an answer."""
    for title, whole in (("length", PLAIN), ("chunks", CHUNKED), ("interim", INTERIM + PLAIN)):
        final = whole.index(b"\r\n\r\n") + 4
        if title == "interim":
            final = whole.index(b"\r\n\r\n", final) + 4
        for end in range(len(whole)):
            state = "answered" if end >= final else "maybeSent"
            yield Case("the end after every byte", f"{title} {end}", says(whole[:end]), CLOSED, state)
            yield Case(
                "the end after every byte",
                f"POST {title} {end}",
                says(whole[:end]),
                CLOSED,
                state,
                job={"method": "POST", "body": {"size": 100}},
            )
            if end % 5 == 0:
                yield Case(
                    "silence after every fifth byte",
                    f"{title} {end}",
                    says(whole[:end], hold=3),
                    DEADLINE,
                    state,
                    limit=0.5,
                )


def damaged(dice, whole):
    content = bytearray(whole)
    for _ in range(dice.randint(1, 6)):
        position = dice.randrange(len(content) or 1)
        match dice.randrange(5):
            case 0 if content:
                content[position] ^= 1 << dice.randrange(8)
            case 1 if content:
                content[position] = dice.randrange(256)
            case 2:
                content[position:position] = dice.randbytes(dice.randint(1, 8))
            case 3:
                content[position:position] = content[: dice.randrange(len(content) or 1)]
            case _:
                del content[position : position + dice.randint(1, 8)]
    return bytes(content)


def mutations(count, seed):
    for number in range(count):
        dice = random.Random(f"{seed}/h1/{number}")
        whole = damaged(dice, dice.choice([PLAIN, CHUNKED, INTERIM + CHUNKED, PLAIN + CHUNKED]))
        yield Case(
            "damaged answers",
            f"{number} {whole!r}",
            says(whole, pieces=dice.choice([1, 1, 2, 5])),
            ANYTHING,
            limit=3,
            is_brief=True,
        )


def cases(count, seed):
    for part in (broken(), tolerated(), large(), slow(), uploads(), cuts(), mutations(count, seed)):
        yield from part
