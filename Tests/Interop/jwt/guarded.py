# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""What the comparisons of servers behind filters have in common: what stands behind Envoy, how both are asked, the verdict."""

import collections
import concurrent.futures
import http.client
import http.server
import json
import pathlib
import socket
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "http"))
from checks import check, wait_for  # noqa: E402
from real_servers import Server, program  # noqa: E402

TYPES = "type.googleapis.com/envoy.extensions.filters"
WORKERS = 16


class Origin(http.server.BaseHTTPRequestHandler):
    """Answers with the head that it got, and with key sets."""

    protocol_version = "HTTP/1.1"
    key_sets = {}
    fetches = 0

    def do_GET(self):
        if self.path.startswith("/keys/"):
            Origin.fetches += 1
            text = Origin.key_sets.get(self.path)
            return self._send(200 if text else 503, (text or "gone").encode())
        # The library reads the bytes as Latin-1; who writes text into a header writes UTF-8.
        headers = [(name, value.encode("latin-1").decode(errors="replace")) for name, value in self.headers.items()]
        seen = {"path": self.path, "headers": [[name.lower(), value] for name, value in headers]}
        self._send(200, json.dumps(seen).encode())

    do_OPTIONS = do_GET

    def _send(self, status, content):
        self.send_response(status)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments):
        pass


def ask(connection, method, path, headers):
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in headers:
        connection.putheader(name, value.encode("utf-8", "surrogateescape"))
    connection.endheaders()
    response = connection.getresponse()
    body = response.read().decode(errors="replace")
    found = {"status": response.status}
    if response.status == 200:
        seen = json.loads(body)
        kept = {"authorization", "cookie"}
        found["path"] = seen["path"]
        # What an HTTP library may join is joined.
        for name, sign in (("authorization", ","), ("cookie", "; ")):
            values = [value for known, value in seen["headers"] if known == name]
            others = [pair for pair in seen["headers"] if pair[0] != name]
            seen["headers"] = others + ([[name, sign.join(values)]] if values else [])
        found["headers"] = sorted(
            [name, value]
            for name, value in seen["headers"]
            if (name in kept or name.startswith("x-")) and not name.startswith(("x-forwarded", "x-request", "x-envoy"))
        )
    else:
        found["body"] = body
        found["challenge"] = response.getheader("www-authenticate")
    return found


def ask_all(port, cases):
    """The answers, in order."""
    local = threading.local()

    def one(each):
        for attempt in range(2):
            try:
                if not hasattr(local, "connection"):
                    local.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
                return ask(local.connection, *each[:3])
            except (http.client.HTTPException, OSError) as error:
                local.connection.close()
                del local.connection
                if attempt:
                    return {"error": repr(error)}

    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(one, cases))


class Envoy(Server):
    def __init__(self, folder, config, port):
        path = pathlib.Path(folder) / "envoy.json"
        path.write_text(json.dumps(config))
        super().__init__(
            "envoy", folder, program("envoy"), "-c", path, "--concurrency", 2, "--use-dynamic-base-id", "-l", "error"
        )
        wait_for(lambda: is_open(port, self.process), "Envoy listens")


def compare(name, cases, theirs, ours, show, reason=lambda case, envoy, ours: None):
    """Checks that all answers are the same, but for those of which `reason` says why they are not on purpose."""
    different = [(case, envoy, mine) for case, envoy, mine in zip(cases, theirs, ours, strict=True) if envoy != mine]
    reasons = [reason(*each) for each in different]
    wrong = [each for each, why in zip(different, reasons, strict=True) if why is None]
    check(not wrong, f"{name}: {len(cases)} requests get the same from Envoy and from us ({len(wrong)} differ)")
    for why, count in sorted(collections.Counter(filter(None, reasons)).items()):
        print(f"       {count:6} differ on purpose: {why}")
    for case, envoy, mine in wrong[: 1000 if show else 5]:
        print(json.dumps(shortened({"case": case, "envoy": envoy, "ours": mine})))


def shortened(value):
    """The same without the middle of long texts: whole lines of tokens are hard to read."""
    if isinstance(value, str):
        return value if len(value) <= 300 else f"{value[:200]}…{value[-60:]}"
    if isinstance(value, dict):
        return {key: shortened(each) for key, each in value.items()}
    return [shortened(each) for each in value] if isinstance(value, (list, tuple)) else value


def is_open(port, process):
    if process.poll() is not None:
        raise EOFError(f"Envoy ended with {process.returncode}")
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
