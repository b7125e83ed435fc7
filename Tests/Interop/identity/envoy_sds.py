#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""A real Envoy with an identity of our control plane's authority, over SDS from `http-peer sds` beside it.

    envoy_sds.py HTTP_PEER BOOKINFO

Our client calls Envoy, and Envoy our server, by mutual TLS; the certificates live for seconds and are renewed meanwhile.
"""

import contextlib
import json
import pathlib
import secrets as randomness
import shutil
import sys
import tempfile
import time
import types

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from certificates import key_pem, write  # noqa: E402
from checks import ROOT, Process, check, verdict, wait_for  # noqa: E402
from envoy_mtls import Envoy, ServedSecrets  # noqa: E402
from identity_peer import Client, Server  # noqa: E402

DOMAIN = "cluster.local"
VALIDITY = 20


def identity(account):
    return f"spiffe://{DOMAIN}/ns/default/sa/{account}"


def varint(value):
    found = b""
    while value > 0x7F:
        found += bytes([value & 0x7F | 0x80])
        value >>= 7
    return found + bytes([value])


def fields(message):
    """The fields of a message that has texts alone: numbers and bytes."""
    position = 0

    def number():
        nonlocal position
        value = shift = 0
        while True:
            byte = message[position]
            position += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while position < len(message):
        tag = number()
        length = number()
        yield tag >> 3, message[position : position + length]
        position += length


def certificate(folder, address, token, account):
    """A certificate of the authority, by a request of our own making: its files, and one of the roots."""
    key = ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(identity(account))])
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([]))
        .add_extension(names, critical=True)
        .sign(key, hashes.SHA256())
    )
    csr = request.public_bytes(serialization.Encoding.PEM)
    # `IstioCertificateRequest`: csr = 1, validity_duration = 3.
    message = b"\x0a" + varint(len(csr)) + csr + b"\x18" + varint(3600)
    with grpc.insecure_channel(address) as channel:
        call = channel.unary_unary("/istio.v1.auth.IstioCertificateService/CreateCertificate")
        answer = call(message, metadata=[("authorization", f"Bearer {token}")], timeout=60)
    chain = [value for number, value in fields(answer) if number == 1]
    documents = x509.load_pem_x509_certificates(b"\n".join(chain))
    roots = [each for each in documents if each.subject == each.issuer]
    shown = [each for each in documents if each.subject != each.issuer]
    pem = serialization.Encoding.PEM
    return types.SimpleNamespace(
        name=account,
        certificate_file=write(folder / f"{account}.pem", b"".join(each.public_bytes(pem) for each in shown)),
        key_file=write(folder / f"{account}.key", key_pem(key)),
    ), types.SimpleNamespace(
        roots_file=write(folder / "roots.pem", b"".join(each.public_bytes(pem) for each in roots)),
        domain=DOMAIN,
        identity=identity,
    )


def main(executable, bookinfo):
    # The path of a Unix socket is short.
    with tempfile.TemporaryDirectory(dir="/tmp") as folder, contextlib.ExitStack() as stack:
        folder = pathlib.Path(folder)
        manifests = folder / "manifests"
        manifests.mkdir()
        shutil.copy(ROOT / "Examples/Bookinfo/manifests/base.yaml", manifests)
        token = randomness.token_hex(16)
        tokens = folder / "tokens.json"
        accounts = ["ours", "envoy"]
        tokens.write_text(json.dumps([{"token": token, "namespace": "default", "serviceAccounts": accounts}]))
        token_file = write(folder / "token", token.encode())
        control_plane = Process(
            bookinfo, "control-plane", "--manifests", manifests, "--tokens", tokens, "--xds-port", 0, "--registry-port", 0
        )
        xds = control_plane.next_line(lambda line: "xds" in line, "the control plane's addresses")["xds"]
        ours, authority = certificate(folder, xds, token, "ours")
        socket = folder / "sds"
        agent = Process(
            executable, "sds", "--socket", socket, "--control-plane", xds, "--token-file", token_file,
            "--spiffe-id", identity("envoy"), "--validity", VALIDITY,
        )  # fmt: skip
        agent.next_line(lambda line: line.get("event") == "served", "the agent serves secrets")
        server = Server(executable, ours, authority)
        envoy = Envoy(
            folder, ServedSecrets("default", "ROOTCA"), server.port, callers=[identity("ours")],
            servers=[identity("ours")], secrets_socket=socket,
        )  # fmt: skip
        stack.callback(envoy.stop)
        client = Client(executable, ours, authority, envoy.entrance, "--accept", identity("envoy"), "--once")
        wait_for(lambda: envoy.certificates(), "Envoy has a certificate")
        status, body = envoy.ask_ours()
        check(status == 200 and identity("envoy") in body, f"Envoy calls our server with an identity over SDS: {status} {body}")
        answer = client.get()
        check(answer.get("status") == 200, f"our client calls Envoy, which has its identity over SDS: {answer}")
        seen, failed, count = set(), [], 0
        end = time.monotonic() + 3 * VALIDITY / 2
        while time.monotonic() < end:
            seen |= envoy.certificates()
            status, _ = envoy.ask_ours()
            answer = client.get().get("status")
            count += 2
            failed += [each for each in (status, answer) if each != 200]
        check(len(seen) >= 3, f"Envoy got new certificates meanwhile: {len(seen)}")
        check(not failed, f"none of {count} requests failed: {failed[:5]}")
        check(oct(socket.stat().st_mode & 0o777) == oct(0o600), "nobody else may connect to the socket of secrets")
        client.stop()
        server.stop()


if __name__ == "__main__":
    with verdict():
        main(sys.argv[1], sys.argv[2])
