#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""Mutual TLS with a real Envoy, both ways: our client to its listener, its cluster to our server, by SPIFFE identities.

    envoy_peers.py HTTP_PEER

Envoy's secrets are files, which are replaced while requests go on.
"""

import contextlib
import pathlib
import sys
import tempfile
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from certificates import HOUR, Authority, now  # noqa: E402
from checks import check, verdict, wait_for  # noqa: E402
from envoy_mtls import Envoy, FileSecrets  # noqa: E402
from identity_peer import Client, Server  # noqa: E402


@contextlib.contextmanager
def running(*things):
    try:
        yield things
    finally:
        for thing in things:
            with contextlib.suppress(Exception):
                thing.stop()


def both_ways(executable, folder, kind, server_arguments, client_arguments, http2):
    authority, stranger = Authority(folder), Authority(folder, domain="other.example", name="stranger")
    ours, envoys = authority.issue("ours"), authority.issue("envoy")
    what = f"{kind}, {'HTTP/2' if http2 else 'HTTP/1.1'}"
    server = Server(executable, ours, authority, *server_arguments)
    secrets = FileSecrets(folder, envoys, authority)
    envoy = Envoy(
        folder, secrets, server.port, callers=[authority.identity("ours")], servers=[authority.identity("ours")],
        http2=http2,
    )  # fmt: skip
    flags = ["--http2"] if http2 else []
    flags += client_arguments
    with running(envoy, server):
        status, body = envoy.ask_ours()
        check(status == 200 and authority.identity("envoy") in body, f"{what}: Envoy calls our server: {status} {body}")
        server.serve(allow=[authority.identity("nobody")])
        check(envoy.ask_ours()[0] == 403, f"{what}: and is refused where a policy says so")
        server.serve(allow=[authority.identity("envoy")])
        check(envoy.ask_ours()[0] == 200, f"{what}: and served where it says so")
        client = Client(
            executable, ours, authority, envoy.entrance, "--accept", authority.identity("envoy"), "--once", *flags
        )
        with running(client):
            answer = client.get()
            check(answer.get("status") == 200, f"{what}: our client calls Envoy: {answer}")
            rotate(authority, envoy, secrets, client, what)
        wrong = Client(
            executable, ours, authority, envoy.entrance, "--accept", authority.identity("other"), "--once", *flags
        )
        with running(wrong):
            answer = wrong.get()
            check(answer.get("status") is None, f"{what}: our client refuses an Envoy that is not the one it wants")
            is_told = "--secrets" in client_arguments or wrong.wait_for_refusal("not_accepted")[0]
            check(is_told, f"{what}: and says why, with its own identity")
        prefix = Client(
            executable, ours, authority, envoy.entrance, "--accept", authority.identity("other"),
            "--accept-prefix", f"spiffe://{authority.domain}/ns/default/", "--once", *flags,
        )  # fmt: skip
        with running(prefix):
            check(prefix.get().get("status") == 200, f"{what}: and takes it where the beginning of a name will do")
        for name, pair in (
            ("a stranger", stranger.issue("ours")),
            ("one that Envoy does not want", authority.issue("unwanted")),
            ("one that has expired", authority.issue("ours-late", uris=[authority.identity("ours")],
                                                     start=now() - 2 * HOUR, end=now() - HOUR)),
        ):  # fmt: skip
            # Our end would not take its own bad certificate, but as one that is delivered.
            caller = Client(
                executable, pair, authority, envoy.entrance, "--accept", authority.identity("envoy"), "--once",
                "--secrets", *(["--http2"] if http2 else []), identity=authority.identity("ours"),
            )  # fmt: skip
            with running(caller):
                check(caller.get().get("status") is None, f"{what}: Envoy refuses {name}")
        secrets.replace(stranger.issue("envoy"))
        wait_for(lambda: envoy.statistics() and envoy.ask_ours()[0] != 200, "Envoy shows a stranger's certificate")
        is_told, _ = server.wait_for_refusal("untrusted" if "--secrets" in server_arguments else "unknown_trust_domain")
        check(is_told, f"{what}: our server refuses an Envoy with a stranger's certificate, and says why")


def rotate(authority, envoy, secrets, client, what):
    """New certificates for Envoy and for our client while requests go on."""
    failures, count, is_over = [], 0, threading.Event()

    def call_envoy():
        nonlocal count
        while not is_over.is_set():
            status, body = envoy.ask_ours()
            count += 1
            if status != 200:
                failures.append((status, body))

    caller = threading.Thread(target=call_envoy)
    caller.start()
    for _ in range(5):
        pair = authority.issue("envoy")
        secrets.replace(pair)
        serial = f"{pair.certificate.serial_number:x}".lstrip("0")
        wait_for(lambda serial=serial: serial in envoy.certificates(), "Envoy has the new certificate")
        answer = client.get()
        count += 1
        if answer.get("status") != 200:
            failures.append(answer)
    is_over.set()
    caller.join()
    check(not failures, f"{what}: 5 rotations of Envoy's certificate: {count} requests, failed: {failures[:3]}")


def main(executable):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        kinds = [("SwiftNIO", [], []), ("delivered secrets", ["--secrets"], ["--secrets"]), ("Hummingbird", ["--hummingbird"], [])]
        for kind, server, client in kinds:
            for http2 in (False, True):
                place = folder / f"{kind.replace(' ', '-')}-{http2}"
                place.mkdir()
                both_ways(executable, place, kind, server, client, http2)


if __name__ == "__main__":
    with verdict():
        main(sys.argv[1])
