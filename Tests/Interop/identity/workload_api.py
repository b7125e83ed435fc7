#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# This file is part of the swift-service-mesh project.
"""Our client of the SPIFFE Workload API against an agent of grpcio that shares no code with it.

    workload_api.py HTTP_PEER
"""

import concurrent.futures
import pathlib
import queue
import sys
import tempfile
import threading

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import serialization

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from certificates import Authority  # noqa: E402
from checks import Process, check, verdict, wait_for  # noqa: E402

DER = serialization.Encoding.DER


def field(number, value):
    """A field of protobuf that has a length: bytes, text or a message."""
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def varint(value):
    found = b""
    while value > 0x7F:
        found += bytes([value & 0x7F | 0x80])
        value >>= 7
    return found + bytes([value])


def svid(authority, pair, key=None):
    """`X509SVID`."""
    der = (key or pair.key).private_bytes(DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return (
        field(1, authority.identity(pair.name))
        + field(2, pair.certificate.public_bytes(DER))
        + field(3, der)
        + field(4, authority.certificate.public_bytes(DER))
    )


def response(svids, federated=(), crl=b""):
    """`X509SVIDResponse`."""
    found = b"".join(field(1, one) for one in svids)
    if crl:
        found += field(2, crl)
    for authority in federated:
        entry = field(1, f"spiffe://{authority.domain}") + field(2, authority.certificate.public_bytes(DER))
        found += field(3, entry)
    return found


class Agent(grpc.GenericRpcHandler):
    """Serves what it is told to every stream, and refuses who does not say the magic word."""

    def __init__(self, socket):
        self.socket = socket
        self.current = None
        self.streams = []
        self.refused = 0
        self.lock = threading.Lock()

    def service(self, details):
        if details.method != "/SpiffeWorkloadAPI/FetchX509SVID":
            return None
        return grpc.unary_stream_rpc_method_handler(self.fetch)

    def fetch(self, request, context):
        if ("workload.spiffe.io", "true") not in context.invocation_metadata():
            self.refused += 1
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "security header missing from request")
        with self.lock:
            current, mine = self.current, queue.Queue()
            self.streams.append(mine)
        if current is None:
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "no identity issued")
        yield current
        while (message := mine.get()) is not None:
            yield message

    def serve(self, message):
        with self.lock:
            self.current = message
            for stream in self.streams:
                stream.put(message)

    def start(self):
        self.server = grpc.server(concurrent.futures.ThreadPoolExecutor(8))
        self.server.add_generic_rpc_handlers((self,))
        self.server.add_insecure_port(f"unix://{self.socket}")
        self.server.start()

    def stop(self):
        with self.lock:
            streams, self.streams = self.streams, []
        for stream in streams:
            stream.put(None)
        self.server.stop(0).wait()


def taken(peer, statement):
    return peer.next_line(lambda line: line.get("event") == "taken", statement)


def failed(peer, text, statement):
    return peer.next_line(lambda line: line.get("event") == "failed" and text in line.get("error", ""), statement)


def main(executable):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="mesh-workload-api-"))
    authority, other = Authority(folder), Authority(folder, domain="other.example")
    agent = Agent(folder / "agent.sock")
    agent.start()
    reviews, ratings = authority.issue("reviews"), authority.issue("ratings")

    peer = Process(executable, "workload-api", "--socket", f"unix://{agent.socket}", "--spiffe-id",
                   authority.identity("reviews"))  # fmt: skip
    failed(peer, "no identity issued", "a workload that the agent does not know yet")
    agent.serve(response([svid(authority, ratings), svid(authority, reviews)], [other]))
    line = taken(peer, "the identity that is wanted among two")
    check(line["identity"] == authority.identity("reviews"), "the identity that is wanted is taken, not the first")
    check(line["trustDomains"] == ["cluster.local", "other.example"], "federated bundles are taken")
    check(3400 < line["validFor"] <= 3600, "it is as valid as the certificate")
    check(agent.refused == 0, "the security header is always there")

    agent.serve(response([svid(authority, authority.issue("reviews"))], [other]))
    line = taken(peer, "a renewal on the same stream")
    check(line["generation"] == 2, "a renewal is taken")

    stranger = Authority(folder, name="stranger")
    bad = {
        "the key of another certificate": response([svid(authority, reviews, key=ratings.key)]),
        "an authority's certificate": response([svid(authority, authority.issue("reviews", is_authority=True))]),
        "two names": response(
            [svid(authority, authority.issue("reviews", uris=[authority.identity("reviews"), "spiffe://cluster.local/x"]))]
        ),
        "a certificate of another root": response([svid(authority, stranger.issue("reviews"))]),
        "no identity at all": response([]),
        "another identity only": response([svid(authority, ratings)]),
        "bytes that are no certificate": response(
            [field(1, authority.identity("reviews")) + field(2, b"\x30\x82\xff") + field(3, b"x") + field(4, b"y")]
        ),
    }
    for statement, message in bad.items():
        agent.serve(message)
        failed(peer, "", statement)
        check(peer.is_running(), f"{statement}: the last identity stays")

    listed = authority.issue("reviews")
    crl = x509.load_pem_x509_crl(authority.revoke(folder / "crl.pem", ratings).read_bytes()).public_bytes(DER)
    agent.serve(response([svid(authority, listed)], crl=crl))
    line = taken(peer, "an identity with a revocation list")
    check(line["generation"] == 3, "a revocation list comes along")
    check(line["trustDomains"] == ["cluster.local"], "a domain that is federated no more is gone")
    crl = x509.load_pem_x509_crl(authority.revoke(folder / "crl.pem", listed).read_bytes()).public_bytes(DER)
    agent.serve(response([svid(authority, listed)], crl=crl))
    failed(peer, "revoked", "an identity that is revoked")

    agent.stop()
    failed(peer, "", "an agent that is away")
    agent.current = response([svid(authority, authority.issue("reviews"))])
    agent.start()
    line = taken(peer, "an agent that is back")
    check(line["generation"] == 4, "an agent that is back is found")
    check(not any("PRIVATE" in str(line) for line in peer.seen), "no key is printed")

    first = Process(executable, "workload-api", "--socket", f"unix://{agent.socket}")
    check(taken(first, "the default identity")["identity"] == authority.identity("reviews"), "the default one is found")
    agent.stop()
    wait_for(lambda: peer.is_running() and first.is_running(), "both clients live")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with verdict():
        main(sys.argv[1])
