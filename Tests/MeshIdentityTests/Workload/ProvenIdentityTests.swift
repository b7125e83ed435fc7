// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshSecurity
import MeshTesting
import NIOCore
import NIOEmbedded
import NIOSSL
import Testing

@testable import MeshIdentity

@Suite(.timeLimit(.minutes(5))) struct ProvenIdentityTests {
    private let authority: TestAuthority
    private let observer = RecordingObserver()
    private let server: WorkloadIdentity
    private let client: WorkloadIdentity

    init() async throws {
        authority = try TestAuthority()
        server = try await authority.identity(
            "spiffe://cluster.local/ns/default/sa/ratings",
            observers: ObserverSet([observer])
        )
        client = try await authority.identity("spiffe://cluster.local/ns/default/sa/reviews")
    }

    private var refusals: [PeerRefusal.Reason] {
        observer.events.compactMap { if case .peerRefused(let refusal) = $0 { refusal.reason } else { nil } }
    }

    @Test func `a peer that is trusted is itself, again and again`() async throws {
        let pair = try await TLSPair(client: client, server: server.makeServerTLSConfiguration())
        _ = try await pair.deliver("hello")
        for _ in 0..<3 { #expect(await server.provenIdentity(of: pair.server) == client.spiffeID) }
        #expect(await server.provenIdentity(of: NIOAsyncTestingChannel()) == nil)
        #expect(refusals == [])
    }

    @Test func `a peer whose domain is trusted no more is nobody, on the connection that it has`() async throws {
        let foreign = try TestAuthority(trustDomain: "other.example")
        let theirs = try TrustBundle(pemByTrustDomain: ["other.example": [foreign.pem]])
        let ours = try TrustBundle(pemByTrustDomain: ["cluster.local": [authority.pem]])
        let name = "spiffe://other.example/ns/default/sa/reviews"
        let stranger = try await foreign.identity(name, trusting: ours)
        server.setFederation(theirs)
        let pair = try await TLSPair(client: stranger, server: server.makeServerTLSConfiguration())
        #expect(try await pair.deliver("hello") == "hello")
        #expect(await server.provenIdentity(of: pair.server) == stranger.spiffeID)
        // More trust changes nothing.
        var more = theirs
        try more.insert(TestAuthority(trustDomain: "third.example").certificate, trustDomain: "third.example")
        server.setFederation(more)
        #expect(await server.provenIdentity(of: pair.server) == stranger.spiffeID)
        server.setFederation(TrustBundle())
        #expect(await server.provenIdentity(of: pair.server) == nil)
        #expect(await server.provenIdentity(of: pair.server) == nil)
        #expect(refusals == [.unknownTrustDomain])
        server.setFederation(theirs)
        let again = try await TLSPair(client: stranger, server: server.makeServerTLSConfiguration())
        #expect(try await again.deliver("hello") == "hello")
    }

    @Test func `a stream's peer is judged as its connection's`() async throws {
        let pair = try await TLSPair(client: client, server: server.makeServerTLSConfiguration())
        _ = try await pair.deliver("hello")
        let stream = StreamChannel(of: pair.server)
        #expect(await server.provenIdentity(of: stream) == client.spiffeID)
    }

    @Test func `trust that grows keeps the servers' contexts, and trust that shrinks replaces them`() async throws {
        let peers = VerifiedPeers()
        var trust = TrustBundle()
        try trust.insert(authority.certificate, trustDomain: "cluster.local")
        let first = peers.revision(of: trust, generation: 1)
        var more = trust
        try more.insert(TestAuthority(trustDomain: "other.example").certificate, trustDomain: "other.example")
        #expect(peers.revision(of: more, generation: 2) == first)
        let second = peers.revision(of: trust, generation: 3)
        #expect(second == first + 1)
        // Whoever read it before asks late.
        #expect(peers.revision(of: more, generation: 2) == second)
        let configuration = server.makeServerTLSConfiguration().configuration
        let make = { try NIOSSLContext(configuration: configuration) }
        let context = try peers.context(offering: ["h2"], revision: first, make)
        #expect(try peers.context(offering: ["h2"], revision: first, make) === context)
        #expect(try peers.context(offering: ["h2"], revision: second, make) !== context)
    }

    @Test func `chains are remembered within bounds`() throws {
        let peers = VerifiedPeers()
        let leaf = try authority.leaf()
        for number in 0..<10_000 {
            peers.note([leaf], leaf: [UInt8(number & 255), UInt8(number >> 8)], revision: 0)
        }
        #expect(peers.entry(leaf: [UInt8(9_999 & 255), UInt8(9_999 >> 8)]) != nil)
        #expect(peers.entry(leaf: [0, 0]) == nil)
    }

    @Test func `each refusal has its reason`() async throws {
        let cases: [(PeerRefusal.Reason, (inout TestAuthority.Leaf) -> Void)] = [
            (.expired, { $0.notAfter = $0.notBefore.addingTimeInterval(1) }),
            (.notOneIdentity, { $0.uris = ["spiffe://cluster.local/a", "spiffe://cluster.local/b"] }),
            (.notOneIdentity, { $0.uris = [] }),
            (.authority, { $0.isAuthority = true }),
            (.unknownTrustDomain, { $0.uris = ["spiffe://other.example/a"] }),
        ]
        for (reason, change) in cases {
            var leaf = TestAuthority.Leaf()
            change(&leaf)
            let certificate = try authority.leaf(leaf)
            var trust = TrustBundle()
            try trust.insert(authority.certificate, trustDomain: "cluster.local")
            do {
                _ = try await PeerVerifier(trust: trust).proof(from: [certificate], role: .client)
                Issue.record("\(reason) was not refused")
            } catch {
                #expect(PeerRefusal.Reason(error, leaf: certificate, trust: trust) == reason)
            }
        }
    }
}
