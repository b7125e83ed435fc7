#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""Random, truncated and mutated inputs at every listener: each is answered or dropped, and nothing crashes or leaks.

    hostile_inputs.py BOOKINFO [COUNT [SEED]]      COUNT inputs at each listener, 100000 unless told otherwise
"""

import asyncio
import json
import pathlib
import random
import secrets
import socket
import ssl
import struct
import sys
import tempfile
import time
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from checks import ROOT, Process, check, verdict, wait_for  # noqa: E402

BOOKINFO = pathlib.Path(sys.argv[1]).resolve()
COUNT = int(sys.argv[2]) if len(sys.argv) > 2 else 100_000
SEED = int(sys.argv[3]) if len(sys.argv) > 3 else 1
# How many connections are open at once, and how long a listener may take to answer or drop one.
WORKERS = 32
PATIENCE = 30
ADS = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources"


# Inputs


def noise(dice):
    return dice.randbytes(dice.choice([0, 1, 3, 9, 24, 100, 1000, 4000]))


def truncated(dice, whole):
    return whole[: dice.randrange(len(whole))]


def mutated(dice, whole):
    content = bytearray(whole)
    for _ in range(dice.randint(1, 8)):
        position = dice.randrange(len(content))
        match dice.randrange(4):
            case 0:
                content[position] ^= 1 << dice.randrange(8)
            case 1:
                content[position] = dice.randrange(256)
            case 2:
                content[position:position] = dice.randbytes(dice.randint(1, 8))
            case _:
                del content[position : position + dice.randint(1, 8)]
        if not content:
            break
    return bytes(content)


def any_of(dice, whole, inside=None):
    """Noise, or a proper conversation that breaks off, is damaged, or is damaged inside its proper framing."""
    match dice.randrange(4 if inside else 3):
        case 0:
            return noise(dice)
        case 1:
            return truncated(dice, whole)
        case 2:
            return mutated(dice, whole)
        case _:
            return inside(dice)


def frame(kind, flags, stream, payload):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def literal(index, *texts):
    """A field of HPACK without indexing: the name by its index, or else as the first text."""
    return bytes([index]) + b"".join(bytes([len(text)]) + text.encode() for text in texts)


def conversation(messages):
    """What a gRPC client sends to open an ADS stream: preface, settings, headers, messages."""
    fields = (
        b"\x83\x86" + literal(4, ADS) + literal(1, "control-plane")
        + literal(0, "content-type", "application/grpc") + literal(0, "te", "trailers")
    )  # fmt: skip
    data = b"".join(b"\x00" + struct.pack(">I", len(message)) + message for message in messages)
    opening = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b"") + frame(1, 4, 1, fields)
    return opening + b"".join(frame(0, 0, 1, data[at : at + 16_000]) for at in range(0, len(data), 16_000))


def tagged(number, content):
    """A length-delimited field of protobuf; what is short enough needs one byte of length."""
    return bytes([number << 3 | 2, len(content)]) + content


def discovery_requests():
    node = tagged(1, b"hostile") + tagged(2, b"interop") + tagged(6, b"grpc-swift")
    first = tagged(2, node) + tagged(4, b"type.googleapis.com/envoy.config.listener.v3.Listener")
    second = (
        tagged(1, b"1") + tagged(2, node) + tagged(3, b"reviews.default.svc.cluster.local:9080")
        + tagged(4, b"type.googleapis.com/envoy.config.route.v3.RouteConfiguration") + tagged(5, b"3")
    )  # fmt: skip
    return [first, second]


def ads(dice):
    def inside(dice):
        messages = discovery_requests()
        return conversation([messages[0]] + [mutated(dice, dice.choice(messages)) for _ in range(dice.randint(1, 4))])

    return any_of(dice, conversation(discovery_requests()), inside)


def request(line, body=b"", **fields):
    head = [line, "host: 127.0.0.1"] + [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    return "\r\n".join(head + [f"content-length: {len(body)}", "", ""]).encode() + body


def registration(token):
    instance = {
        "id": "hostile-1", "service": "reviews", "namespace": "default", "address": "127.0.0.1", "port": 9080,
        "servicePort": 9080, "labels": {"app": "reviews", "version": "v1"}, "version": "v1",
        "serviceAccount": "reviews", "speaksMutualTLS": False,
    }  # fmt: skip
    body = json.dumps(instance).encode()

    def post(body):
        return request("POST /v1/instances HTTP/1.1", body, authorization=f"Bearer {token}")

    def inside(dice):
        if dice.randrange(3):
            return post(mutated(dice, body))
        path = mutated(dice, b"/v1/instances/hostile-1").decode("latin-1").translate({10: "_", 13: "_", 32: "_"})
        return request(f"{dice.choice(['PUT', 'DELETE', 'GET'])} {path} HTTP/1.1", authorization=f"Bearer {token}")

    return lambda dice: any_of(dice, post(body), inside)


def http(dice):
    whole = request(
        "GET /nothing?full=1 HTTP/1.1", traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        x_envoy_expected_rq_timeout_ms="250", grpc_timeout="1S", end_user="jason",
    )  # fmt: skip
    chunked = request("POST /nothing HTTP/1.1", transfer_encoding="chunked") + b"5\r\nhello\r\n0\r\na: b\r\n\r\n"
    return any_of(dice, dice.choice([whole, chunked]))


def hello():
    """The first bytes of a TLS client."""
    outgoing = ssl.MemoryBIO()
    session = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="ratings")
    try:
        session.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


# Listeners


async def send(address, content, stuck):
    try:
        reader, writer = await asyncio.open_connection(*address)
    except OSError as error:
        stuck.append(f"no connection: {error}")
        return
    try:
        writer.write(content)
        writer.write_eof()
        async with asyncio.timeout(PATIENCE):
            while await reader.read(65_536):
                pass
    except (TimeoutError, asyncio.TimeoutError):
        stuck.append(content.hex())
    except OSError:
        pass  # Dropped, which is one of the two right answers.
    finally:
        writer.transport.abort()


async def attack(address, make):
    stuck = []
    numbers = iter(range(COUNT))

    async def work():
        for number in numbers:
            # Each input follows from the seed and its number alone, so that one can be sent again.
            await send(address, make(random.Random(f"{SEED}/{number}")), stuck)

    await asyncio.gather(*(work() for _ in range(WORKERS)))
    return stuck


def resources(process):
    folder = pathlib.Path(f"/proc/{process.process.pid}")
    if not folder.exists():
        return None
    kilobytes = next(line for line in (folder / "status").read_text().splitlines() if line.startswith("VmRSS"))
    return len(list((folder / "fd").iterdir())), int(kilobytes.split()[1]) // 1024


def endure(name, process, address, make, is_serving):
    before = resources(process)
    start = time.monotonic()
    stuck = asyncio.run(attack(address, make))
    seconds = time.monotonic() - start
    check(not stuck, f"{name}: {COUNT} inputs are answered or dropped, in {seconds:.0f} s {stuck[:3] or ''}")
    check(process.is_running() and wait_for(is_serving, "a proper answer"), f"{name}: it is alive and serves")
    after = resources(process)
    if before and after:
        settled = wait_for(lambda: resources(process)[0] <= before[0] + 8, "its connections to be closed")
        check(settled and after[1] < before[1] + 300, f"{name}: files {before[0]} → {resources(process)[0]}, "
              f"memory {before[1]} → {after[1]} MB")
    else:
        print(f"       {name}: this system has no /proc; files and memory are not counted", flush=True)


def answers(url, status, token=None):
    def asked():
        headers = {"authorization": f"Bearer {token}"} if token else {}
        try:
            with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=5) as answer:
                return answer.status == status
        except urllib.error.HTTPError as error:
            return error.code == status
        except OSError:
            return False

    return asked


def shakes_hands(address):
    """Whether a TLS server shows its certificate; who the client is, it asks only after that."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE

    def asked():
        try:
            with socket.create_connection(address, timeout=5) as plain, context.wrap_socket(plain) as secured:
                return bool(secured.getpeercert(binary_form=True))
        except OSError:
            return False

    return asked


def unused_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


with tempfile.TemporaryDirectory() as scratch, verdict():
    scratch = pathlib.Path(scratch)
    manifests = scratch / "manifests"
    manifests.mkdir()
    (manifests / "base.yaml").write_bytes((ROOT / "Examples/Bookinfo/manifests/base.yaml").read_bytes())
    token = secrets.token_hex(16)
    (scratch / "token").write_text(token)
    tokens = scratch / "tokens.json"
    tokens.write_text(json.dumps([{"token": token, "namespace": "default", "serviceAccounts": ["reviews", "ratings"]}]))
    control_plane = Process(
        BOOKINFO, "control-plane", "--manifests", manifests, "--tokens", tokens, "--lease", 5,
        "--xds-port", 0, "--registry-port", 0,
    )  # fmt: skip
    addresses = control_plane.next_line(lambda line: "xds" in line, "the control plane's addresses")

    def service(name, account, *more):
        port = unused_port()
        process = Process(
            BOOKINFO, "service", name, "--instance", f"{name}-1", "--service-account", account, "--port", port,
            "--xds", addresses["xds"], "--registry", addresses["registry"], "--token-file", scratch / "token",
            "--spans", scratch / f"{name}.jsonl", *more,
        )  # fmt: skip

        def listens():
            if not process.is_running():
                raise RuntimeError(f"{name} ended with status {process.process.returncode}")
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        wait_for(listens, f"{name} listens")
        return process, ("127.0.0.1", port)

    def split(address):
        host, port = address.rsplit(":", 1)
        return host, int(port)

    status = answers(f"http://{addresses['registry']}/v1/status", 200, token)
    # The one service that base.yaml lets serve plaintext.
    productpage, productpage_address = service("productpage", "reviews", "--plaintext")
    ratings, ratings_address = service("ratings", "ratings")
    client_hello = hello()

    endure("registration", control_plane, split(addresses["registry"]), registration(token), status)
    endure("ADS", control_plane, split(addresses["xds"]), ads, status)
    nothing = answers(f"http://127.0.0.1:{productpage_address[1]}/nothing", 404)
    endure("HTTP", productpage, productpage_address, http, nothing)
    endure("mutual TLS", ratings, ratings_address, lambda dice: any_of(dice, client_hello),
           shakes_hands(ratings_address))
