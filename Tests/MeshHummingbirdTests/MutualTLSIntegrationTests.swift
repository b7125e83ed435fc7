// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Crypto
import Foundation
import Hummingbird
import HummingbirdCore
import MeshConfig
import MeshCore
import MeshHummingbird
import MeshIdentity
import MeshRouting
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

    private static let place = EndpointAddress(host: "127.0.0.1", port: 9080)

    private static func resources(_ security: Listener.InboundSecurity) -> MeshResources {
        let routes = RouteConfiguration(name: "server", virtualHosts: [])
        let direction = Listener.Direction.inbound(address: place, security: security)
        return MeshResources(listeners: [Listener(name: "server", direction: direction, routes: .inline(routes))])
    }

    @Test func `one port takes plaintext and mutual TLS, and then mutual TLS alone`() async throws {
        let authority = try Authority()
        let server = try await authority.identity("spiffe://cluster.local/ns/default/sa/reviews")
        let name = "spiffe://cluster.local/ns/default/sa/productpage"
        let client = try await authority.identity(name)
        let mesh = try Mesh(MeshConfiguration(isDisabled: false))
        try mesh.apply(Self.resources(.permissive))
        var fixture = InboundFixture()
        fixture.server = .inMesh(mesh, address: Self.place, identity: server)
        try await fixture.serving { router in
            router.get("/") { _, _ in InboundContext.current?.peerIdentity ?? "nobody" }
        } while: { address in
            let plaintext = {
                try await withConnection(to: address) { inbound, outbound in
                    try await outbound.send("GET", "/")
                    return try await inbound.response()?.body
                }
            }
            let secured = {
                try await StreamConnection.connecting(
                    to: address,
                    tls: { try client.makeClientHandler(acceptedIdentities: [], httpVersion: .http2) },
                    { connection in
                        try await connection.get("/") { inbound, _ in try await inbound.response()?.body }
                    }
                )
            }
            #expect(try await plaintext() == "nobody")
            #expect(try await secured() == name)
            let streams = try await StreamConnection.connecting(to: address) { connection in
                try await connection.get("/") { inbound, _ in try await inbound.response()?.body }
            }
            #expect(streams == "nobody")
            try mesh.apply(Self.resources(.mutualTLS))
            #expect(try await secured() == name)
            let refused = try? await plaintext()
            #expect(refused != "nobody")
        }
    }
}
