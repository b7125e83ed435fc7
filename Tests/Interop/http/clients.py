#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""curl, h2load, nghttp and Envoy as clients of our inbound stack: HTTP/1.1 and HTTP/2, in plaintext and over TLS.

clients.py HTTP_PEER
"""

import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import frames  # noqa: E402
from checks import check, verdict  # noqa: E402

from our_peer import PeerServer, crc, pattern, until  # noqa: E402
from real_servers import Certificates, Envoy, program  # noqa: E402

HTTP_PEER = pathlib.Path(sys.argv[1]).resolve()
SIZES = [0, 1, 1000, 65_536, 1_000_000, 10_000_000]
UPLOADS = [0, 1, 65_536, 5_000_000]


def run(*command, timeout=120):
    try:
        done = subprocess.run([str(part) for part in command], capture_output=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        return None
    done.text = (done.stdout + done.stderr).decode(errors="replace")
    return done


class Curl:
    """curl with one protocol; what it got stands in files."""

    def __init__(self, scratch, port, *arguments, secure=False):
        self.scratch = scratch
        self.base = f"https://localhost:{port}" if secure else f"http://127.0.0.1:{port}"
        self.arguments = [program("curl"), "--silent", "--show-error", "--max-time", "30", *arguments]

    def get(self, path, *more):
        """Exit code, status, version, body, head."""
        body, head = self.scratch / "curl-body", self.scratch / "curl-head"
        for file in (body, head):
            file.unlink(missing_ok=True)
        done = run(
            *self.arguments,
            "-o",
            body,
            "-D",
            head,
            "-w",
            "%{http_code} %{http_version} %{num_connects}",
            *more,
            *[self.base + each for each in path.split()],
        )
        if done is None:
            return 124, 0, "", b"", ""
        parts = done.stdout.decode().split()
        return (
            done.returncode,
            int(parts[0]),
            parts[1],
            body.read_bytes() if body.exists() else b"",
            head.read_text().lower() if head.exists() else "",
        )


def by_curl(name, scratch, curl, version, hummingbird=False):
    bad = []
    for size in SIZES:
        code, status, spoken, body, _ = curl.get(f"/b/{size}")
        if (code, status, spoken, body) != (0, 200, version, pattern(size)):
            bad.append((size, code, status, spoken, len(body)))
    check(not bad, f"{name}: GET of 0 B to 10 MB over HTTP/{version} {bad or ''}")
    source = scratch / "upload"
    for title, more in [("upload", []), ("chunked upload", ["-H", "transfer-encoding: chunked"]),
                        ("100 Continue for a handler that answers while it reads",
                            ["-H", "expect: 100-continue", "--expect100-timeout", "20"])]:  # fmt: skip
        # HTTP/2 has no chunks, and Hummingbird 2 says no 100 Continue.
        if "chunked" in title and version == "2" or "100" in title and hummingbird:
            continue
        bad = []
        for size in UPLOADS:
            source.write_bytes(pattern(size))
            start = time.monotonic()
            code, status, _, body, head = curl.get("/echo", "--data-binary", f"@{source}", *more)
            if (code, status, body) != (0, 200, pattern(size)) or time.monotonic() - start > 15:
                bad.append((size, code, status, len(body), round(time.monotonic() - start, 1)))
        check(not bad, f"{name}: {title} of 0 B to 5 MB and back {bad or ''}")
    if hummingbird:
        return
    source.write_bytes(pattern(100_000))
    code, status, _, body, _ = curl.get(
        "/sum", "--data-binary", f"@{source}", "-H", "expect: 100-continue", "--expect100-timeout", "20"
    )
    check(
        (code, status) == (0, 200), f"{name}: 100 Continue for a handler that reads before it answers {code} {status}"
    )
    code, status, _, body, head = curl.get("/b/65536", "--head")
    check(
        (code, status) == (0, 200) and "content-length: 65536" in head,
        f"{name}: HEAD has the length and no body {code} {status}",
    )
    code, status, _, body, head = curl.get("/trailers", "--raw" if version == "2" else "--compressed")
    check(
        (code, status, body) == (0, 200, b"hello") and "x-checksum: 907060870" in head,
        f"{name}: trailers of a response {code} {status} {body!r} {'x-checksum' in head}",
    )
    if version != "2":  # curl 7.88 forgets an answer that is followed by RST_STREAM; `early_answer` looks itself.
        code, status, _, body, head = curl.get("/early", "--data-binary", f"@{source}")
        check(status == 413, f"{name}: an answer before the request's end arrives {code} {status}")
    code, status, _, body, _ = curl.get("/status/204")
    check((code, status, body) == (0, 204, b""), f"{name}: 204 has no body {code} {status}")
    code, status, _, body, _ = curl.get("/nothing", "-X", "OPTIONS")
    check((code, status) == (0, 200), f"{name}: OPTIONS {code} {status}")


def early_answer(port):
    """Over HTTP/2, an answer before the request's end is followed by a reset that blames nobody (RFC 9113 §8.1)."""
    found = []
    # The reset comes when the server has waited for the rest for 5 s.
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(
            frames.PREFACE
            + frames.settings()
            + frames.headers(1, frames.request_block("/early", "POST"))
            + frames.data(1, b"x" * 10_000)
        )
        reader = frames.FrameReader(connection)
        while not found or found[-1][0] not in (frames.RST_STREAM, frames.GOAWAY):
            kind, flags, stream, payload = reader.frame()
            if stream == 1:
                found.append((kind, flags & frames.END_STREAM, payload))
    kinds = [kind for kind, *_ in found if kind in (frames.HEADERS, frames.RST_STREAM)]
    ended = any(flag for _, flag, _ in found)
    check(
        kinds == [frames.HEADERS, frames.RST_STREAM] and ended and found[-1][2] == bytes(4),
        f"h2c: an answer before the request's end arrives, and then a reset without blame {kinds}",
    )


def by_h2load(name, arguments, url, requests, clients=16, streams=None):
    command = [program("h2load"), "-n", requests, "-c", clients, "-t", 1, *arguments]
    done = run(*command, *(["-m", streams] if streams else []), url, timeout=180)
    line = next((line for line in done.text.splitlines() if line.startswith("requests:")), "") if done else "no end"
    counts = {word: int(number) for number, word in re.findall(r"(\d+) (\w+)", line)}
    check(
        counts.get("succeeded") == requests and not counts.get("failed") and not counts.get("errored"),
        f"h2load: {name}: {line or (done and done.text[-200:])}",
    )


def by_nghttp(server):
    url = f"http://127.0.0.1:{server.port}"
    content = pathlib.Path(__file__).read_bytes()
    summary = f'{{"length":{len(content)},"crc":{crc(content)}}}'
    for title, more, path, length in [
        ("a GET", [], "/b/1000000", 1_000_000), ("padding", ["--padding=200"], "/b/1000", 1000),
        ("small windows", ["-w", "10", "-W", "12"], "/b/1000000", 1_000_000),
        ("a header table of 0", ["--header-table-size=0"], "/b/10", 10),
        # Not to /echo: nghttp 1.52 sends no body at all if the 100 and the final head come in one read.
        ("expect-continue", ["--expect-continue", "-d", pathlib.Path(__file__)], "/sum", len(summary)),
        ("an upload with trailers", ["-d", pathlib.Path(__file__), "--trailer", "x-sent: yes"], "/trailers", 5),
    ]:  # fmt: skip
        done = run(program("nghttp"), "-t", "20", *more, url + path)
        check(
            done and done.returncode == 0 and len(done.stdout) == length,
            f"nghttp: {title}: {len(done.stdout) if done else 'no end'} B {done.stderr[-200:] if done else ''}",
        )
    done = run(program("nghttp"), "-nv", "-d", pathlib.Path(__file__), "--trailer", "x-sent: behind", url + "/trailers")
    check(done and re.search(r"x-seen: behind", done.text), "nghttp: trailers both ways")
    done = run(program("nghttp"), "-nv", "-m", "50", url + "/b/1000")
    found = len(re.findall(r":status: 200", done.text)) if done else 0
    check(found == 50, f"nghttp: 50 requests on one connection: {found}")


def by_envoy(scratch, keys, server):
    """Envoy as a proxy in front of our server, HTTP/1.1 and HTTP/2 behind it."""
    for version, upstream in (
        (1, {"explicit_http_config": {"http_protocol_options": {"enable_trailers": True}}}),
        (2, {"explicit_http_config": {"http2_protocol_options": {}}}),
    ):
        proxy = Envoy(scratch, keys, server.port, name=f"front-{version}", upstream=upstream)
        by_curl(f"curl through Envoy, HTTP/{version} behind it", scratch, Curl(scratch, proxy.plain), "1.1")
        by_h2load(
            f"h2c through Envoy, HTTP/{version} behind it", [], f"http://127.0.0.1:{proxy.plain}/b/1000", 4000, 8, 8
        )
        statistics = proxy.statistics("cluster.origin.upstream_")
        wrong = {
            name: value
            for name, value in statistics.items()
            if value and any(part in name for part in ("protocol_error", "rx_reset", "connect_fail"))
        }
        count = statistics.get(f"cluster.origin.upstream_cx_http{version}_total")
        check(
            count and not wrong,
            f"Envoy: it spoke HTTP/{version} on {count} connections, without an error {wrong or ''}",
        )
        proxy.stop()


def drains(scratch):
    """A server that is told to go finishes what is under way, says so to kept connections, and ends."""
    for version, arguments in (("1.1", ["--http1.1"]), ("2", ["--http2-prior-knowledge"])):
        server = PeerServer(HTTP_PEER)
        found = {}

        def slow():
            found["slow"] = Curl(scratch, server.port, *arguments).get("/wait/1500")

        thread = threading.Thread(target=slow)
        thread.start()
        until(lambda: server.figures()["requests"] == 1, 10)
        start = time.monotonic()
        ended = server.stop()
        thread.join()
        code, status, spoken, body, _ = found["slow"]
        check(
            ended and (code, status, body) == (0, 200, b"waited") and time.monotonic() - start < 10,
            f"drain, HTTP/{version}: what is under way is finished {code} {status} {body!r}, then the server ends",
        )


with tempfile.TemporaryDirectory() as scratch, verdict():
    scratch = pathlib.Path(scratch)
    keys = Certificates(scratch)
    plain = PeerServer(HTTP_PEER)
    mutual = PeerServer(HTTP_PEER, "--certificate", keys.server, "--key", keys.server_key, "--client-ca", keys.ca)
    secure = PeerServer(HTTP_PEER, "--certificate", keys.server, "--key", keys.server_key)
    before = plain.figures()
    shown = ["--cacert", keys.ca, "--cert", keys.client, "--key", keys.client_key]
    by_curl("curl h1", scratch, Curl(scratch, plain.port, "--http1.1"), "1.1")
    by_curl("curl h2c", scratch, Curl(scratch, plain.port, "--http2-prior-knowledge"), "2")
    by_curl("curl TLS", scratch, Curl(scratch, secure.port, "--http1.1", "--cacert", keys.ca, secure=True), "1.1")
    by_curl("curl h2", scratch, Curl(scratch, secure.port, "--http2", "--cacert", keys.ca, secure=True), "2")
    by_curl(
        "curl with a client certificate", scratch, Curl(scratch, mutual.port, "--http1.1", *shown, secure=True), "1.1"
    )
    by_curl("curl h2 with one", scratch, Curl(scratch, mutual.port, "--http2", *shown, secure=True), "2")
    code, status, *_ = Curl(scratch, mutual.port, "--cacert", keys.ca, secure=True).get("/")
    check(code != 0 and status == 0, f"curl without a certificate is refused {code} {status}")
    done = run(
        program("curl"),
        "-s",
        "-o",
        "/dev/null",
        "-w",
        "%{num_connects}\n",
        "--http1.1",
        *[f"http://127.0.0.1:{plain.port}/b/{n}" for n in range(20)],
    )
    check(done and done.stdout.startswith(b"1"), f"curl: connections are kept: {done.stdout[:10] if done else None}")
    for title, arguments, url in [
        ("HTTP/1.1", ["--h1"], f"http://127.0.0.1:{plain.port}/b/1000"),
        ("h2c", [], f"http://127.0.0.1:{plain.port}/b/1000"),
        ("TLS", ["--h1"], f"https://localhost:{secure.port}/b/1000"),
        ("h2", [], f"https://localhost:{secure.port}/b/1000"),
    ]:  # fmt: skip
        by_h2load(f"{title}, 16 connections", arguments, url, 6000)
        by_h2load(f"{title}, 1 MB bodies", arguments, url.replace("/b/1000", "/b/1000000"), 100, 8)
        if not arguments:
            by_h2load(f"{title}, 4 connections of 64 streams", arguments, url, 6000, 4, 64)
            by_h2load(
                f"{title}, small windows", ["-w", "14", "-W", "14"], url.replace("/b/1000", "/b/200000"), 200, 2, 10
            )
    upload = scratch / "upload"
    upload.write_bytes(pattern(20_000))
    by_h2load("HTTP/1.1, uploads", ["--h1", "-d", upload], f"http://127.0.0.1:{plain.port}/echo", 2000)
    by_h2load("h2c, uploads", ["-d", upload], f"http://127.0.0.1:{plain.port}/echo", 2000, 4, 16)
    by_nghttp(plain)
    early_answer(plain.port)
    by_envoy(scratch, keys, plain)
    settled = until(lambda: (now := plain.figures())["connections"] == 0 and now["requests"] == 0, 10)
    after = plain.figures()
    check(settled and after["files"] <= before["files"] + 2, f"our server is at rest: {after}")
    check(
        after.get("residentKB", 0) < before.get("residentKB", 0) + 150 * 1024,
        f"its memory: {before.get('residentKB', 0) // 1024} → {after.get('residentKB', 0) // 1024} MB",
    )
    check(all(server.stop() for server in (plain, mutual, secure)), "our servers end when they are told to")
    drains(scratch)
    kind = PeerServer(HTTP_PEER, "--hummingbird")
    by_curl("Hummingbird with the mesh", scratch, Curl(scratch, kind.port, "--http1.1"), "1.1", hummingbird=True)
    by_h2load("Hummingbird with the mesh", ["--h1"], f"http://127.0.0.1:{kind.port}/b/1000", 3000)
    kind.stop()
