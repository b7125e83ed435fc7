// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Crypto
import Foundation
import Hummingbird
import HummingbirdCore
import MeshCore
import MeshHummingbird
import MeshIdentity
import MeshSecurity
import MeshTesting
import NIOCore
import NIOHTTP1
import NIOSSL
import ServiceMesh
import SwiftASN1
import Testing
import X509

@Suite(.timeLimit(.minutes(5))) struct MutualTLSIntegrationTests {
    /// An authority that certifies whoever asks.
    private struct Authority {
        let key = P256.Signing.PrivateKey()
        let root: Certificate

        init() throws {
            let name = try DistinguishedName { CommonName("cluster.local root") }
            root = try Certificate(
                version: .v3,
                serialNumber: Certificate.SerialNumber(),
                publicKey: Certificate.PublicKey(key.publicKey),
                notValidBefore: Date(timeIntervalSinceNow: -3600),
                notValidAfter: Date(timeIntervalSinceNow: 3600),
                issuer: name,
                subject: name,
                extensions: Certificate.Extensions {
                    Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
                    Critical(KeyUsage(keyCertSign: true, cRLSign: true))
                    SubjectAlternativeNames([.uniformResourceIdentifier("spiffe://cluster.local")])
                },
                issuerPrivateKey: Certificate.PrivateKey(key)
            )
        }

        func identity(_ name: String) async throws -> WorkloadIdentity {
            let identity = WorkloadIdentity(spiffeID: try SPIFFEID(name))
            let request = try CertificateRequest(for: identity.spiffeID)
            let leaf = try Certificate(
                version: .v3,
                serialNumber: Certificate.SerialNumber(),
                publicKey: CertificateSigningRequest(pemEncoded: request.pem).publicKey,
                notValidBefore: Date(timeIntervalSinceNow: -60),
                notValidAfter: Date(timeIntervalSinceNow: 3600),
                issuer: root.subject,
                subject: DistinguishedName(),
                extensions: Certificate.Extensions {
                    Critical(BasicConstraints.notCertificateAuthority)
                    Critical(KeyUsage(digitalSignature: true))
                    try ExtendedKeyUsage([.serverAuth, .clientAuth])
                    Critical(SubjectAlternativeNames([.uniformResourceIdentifier(name)]))
                },
                issuerPrivateKey: Certificate.PrivateKey(key)
            )
            let chain = [try leaf.serializeAsPEM().pemString, try root.serializeAsPEM().pemString]
            try await identity.install(chain, answering: request)
            return identity
        }
    }

    @Test func `callers prove who they are over HTTP/2, stream for stream`() async throws {
        let authority = try Authority()
        let server = try await authority.identity("spiffe://cluster.local/ns/default/sa/reviews")
        let name = "spiffe://cluster.local/ns/default/sa/productpage"
        let client = try await authority.identity(name)
        var fixture = InboundFixture()
        fixture.server = try .mutualTLS(server)
        try await fixture.serving { router in
            router.get("/") { _, _ in InboundContext.current?.peerIdentity ?? "nobody" }
        } while: { address in
            try await StreamConnection.connecting(
                to: address,
                tls: {
                    try client.makeClientHandler(acceptedIdentities: [server.spiffeID.description], httpVersion: .http2)
                },
                { connection in
                    for _ in 0..<2 {
                        let body = try await connection.get("/") { inbound, _ in try await inbound.response()?.body }
                        #expect(body == name)
                    }
                }
            )
            try await fixture.drain.untilIdle()
        }
        #expect(fixture.observer.requests.map(\.peerIdentity) == [name, name])
    }
}
