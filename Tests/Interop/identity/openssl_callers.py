#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""openssl s_client knocks at our servers: a good certificate gets in, all others are refused, each with its reason.

    openssl_callers.py HTTP_PEER

Without a certificate, with an expired, self-signed, wrong-domain or revoked one, with two URI names or none, with an
authority's; by resuming a session after the right was taken away. On SwiftNIO with the process's own identity and with
delivered secrets, and on Hummingbird.
"""

import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from certificates import HOUR, Authority, now  # noqa: E402
from checks import check, verdict  # noqa: E402
from identity_peer import Server  # noqa: E402

REQUEST = b"GET / HTTP/1.1\r\nhost: server\r\nconnection: close\r\n\r\n"
# Not at the beginning of a line alone: s_client prints tickets while it prints what it reads.
STATUS = re.compile(rb"HTTP/1\.1 (\d+)")


def knock(server, pair=None, *arguments, version="-tls1_3"):
    """One connection of s_client with one request: the status that came back, and all that was printed."""
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{server.port}", "-ign_eof", version, *arguments]
    if pair:
        command += ["-cert", str(pair.certificate_file), "-key", str(pair.key_file)]
    done = subprocess.run(command, input=REQUEST, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    found = STATUS.search(done.stdout)
    return int(found.group(1)) if found else None, done.stdout


def plain(server):
    """A request in plaintext: the status, or `None` if there was none."""
    try:
        with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
            connection.sendall(REQUEST)
            answer = b""
            while chunk := connection.recv(65_536):
                answer += chunk
    except OSError:
        return None
    found = STATUS.search(answer)
    return int(found.group(1)) if found else None


def refusals(executable, what, folder, arguments, delivered=False):
    authority = Authority(folder)
    stranger = Authority(folder, domain="other.example", name="stranger")
    impostor = Authority(folder, name="impostor")
    crl = folder / "revoked.crl"
    good, revoked = authority.issue("good"), authority.issue("revoked")
    authority.revoke(crl, revoked)
    server = Server(executable, authority.issue("server"), authority, *arguments, crl=crl)
    two = [authority.identity("one"), authority.identity("two")]
    callers = [
        ("no certificate", None, "no_certificate"),
        ("an expired certificate", authority.issue("late", start=now() - 2 * HOUR, end=now() - HOUR), "expired"),
        ("one that is not valid yet", authority.issue("early", start=now() + HOUR, end=now() + 2 * HOUR), "expired"),
        ("a self-signed one", authority.issue("self", self_signed=True), "self_signed"),
        ("one of another trust domain", stranger.issue("foreign"), "unknown_trust_domain"),
        ("one of an authority that calls itself ours", impostor.issue("false"), "untrusted"),
        ("a revoked one", revoked, "revoked"),
        ("one with two URI names", authority.issue("two", uris=two), "not_one_identity"),
        ("one without a URI name", authority.issue("none", uris=[], dns=["good"]), "not_one_identity"),
        ("one with a URI that is no SPIFFE ID", authority.issue("web", uris=["https://a/b"]), "not_one_identity"),
        ("an authority's", authority.issue("ca", is_authority=True), "authority"),
    ]
    if delivered:
        # The TLS library says that a chain leads nowhere, and not why.
        callers = [
            (name, pair, {"unknown_trust_domain": "untrusted"}.get(reason, reason)) for name, pair, reason in callers
        ]
    for version in ("-tls1_3", "-tls1_2"):
        status, output = knock(server, good, version=version)
        check(status == 200, f"{what} {version}: a good certificate gets in")
        check(authority.identity("good").encode() in output, f"{what} {version}: the handler reads who it is")
        server.refusals()
        for name, pair, reason in callers:
            # In TLS 1.3 the library asks what a key is for, before it shows the certificate to anybody.
            if reason == "authority" and version == "-tls1_3":
                reason = "untrusted"
            status, _ = knock(server, pair, version=version)
            is_told, told = server.wait_for_refusal(reason)
            check(status is None, f"{what} {version}: {name} does not get in")
            check(is_told, f"{what} {version}: and the reason is told: {reason}")
            if not is_told:
                print(f"       told: {told}")
    resumption(server, authority, good, crl, what)
    server.stop()


def resumption(server, authority, good, crl, what):
    """A session that is resumed brings a right along that was taken away since; it must not count."""
    for version in ("-tls1_3", "-tls1_2"):
        authority.revoke(crl)
        server.order("reload")
        session = authority.folder / "session.pem"
        session.unlink(missing_ok=True)
        status, _ = knock(server, good, "-sess_out", str(session), version=version)
        check(status == 200 and session.exists(), f"{what} {version}: there is a session to resume")
        status, output = knock(server, good, "-sess_in", str(session), version=version)
        # What is checked below means nothing if nobody could resume at all.
        check(status == 200, f"{what} {version}: the session is good while the right lasts")
        print(f"       the session was {'resumed' if b'Reused,' in output else 'not resumed'}")
        server.serve(allow=[authority.identity("somebody-else")])
        status, _ = knock(server, good, "-sess_in", str(session), version=version)
        check(status == 403, f"{what} {version}: a policy that takes the right away holds on a resumed session: {status}")
        server.serve(allow=[authority.identity("good")])
        status, _ = knock(server, good, "-sess_in", str(session), version=version)
        check(status == 200, f"{what} {version}: and one that gives it back does, too: {status}")
        server.refusals()
        authority.revoke(crl, good)
        server.order("reload")
        status, output = knock(server, good, "-sess_in", str(session), version=version)
        check(status != 200, f"{what} {version}: a revoked certificate does not get in by its session: {status}")
        is_told, told = server.wait_for_refusal("revoked")
        check(is_told, f"{what} {version}: and the reason is told")
        if not is_told:
            print(f"       told: {told}")


def modes(executable, what, folder, arguments):
    """Plaintext and TLS on one port, and the way there and back, with connections open."""
    authority = Authority(folder)
    good = authority.issue("good")
    server = Server(executable, authority.issue("server"), authority, "--mode", "permissive", *arguments)
    check(plain(server) == 200, f"{what}: permissive takes plaintext")
    check(knock(server, good)[0] == 200, f"{what}: permissive takes TLS")
    check(knock(server)[0] is None, f"{what}: permissive refuses TLS without a certificate")
    server.serve(mode="strict")
    time.sleep(0.2)
    check(plain(server) != 200, f"{what}: strict refuses plaintext")
    check(knock(server, good)[0] == 200, f"{what}: strict takes TLS")
    server.serve(mode="plaintext")
    time.sleep(0.2)
    check(plain(server) == 200, f"{what}: disabled takes plaintext")
    check(knock(server, good)[0] is None, f"{what}: disabled takes no TLS")
    server.serve(mode="permissive")
    time.sleep(0.2)
    check(plain(server) == 200 and knock(server, good)[0] == 200, f"{what}: permissive again takes both")
    server.stop()


def main(executable):
    with tempfile.TemporaryDirectory() as folder:
        for what, arguments, delivered in (
            ("own identity", [], False),
            ("delivered secrets", ["--secrets"], True),
            ("Hummingbird", ["--hummingbird"], False),
        ):
            place = pathlib.Path(folder) / what.replace(" ", "-")
            place.mkdir()
            refusals(executable, what, place, arguments, delivered)
            modes(executable, what, place, arguments)


if __name__ == "__main__":
    with verdict():
        main(sys.argv[1])
