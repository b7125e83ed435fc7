// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshSecurity
import MeshTesting
import NIOCore
import NIOEmbedded
import Testing

@testable import MeshIdentity

@Suite(.timeLimit(.minutes(5))) struct HandshakeTests {
    private let authority: TestAuthority
    private let reviews: WorkloadIdentity
    private let ratings: WorkloadIdentity

    init() async throws {
        self.authority = try TestAuthority()
        self.reviews = try await authority.identity("spiffe://cluster.local/ns/default/sa/reviews")
        self.ratings = try await authority.identity("spiffe://cluster.local/ns/default/sa/ratings")
    }

    @Test func `both sides prove who they are, and each can ask who the other is`() async throws {
        let pair = try await TLSPair(client: reviews, server: ratings.makeServerTLSConfiguration())
        #expect(try await pair.deliver("hello") == "hello")
        #expect(await WorkloadIdentity.peerIdentity(of: pair.server) == reviews.spiffeID)
        #expect(await WorkloadIdentity.peerIdentity(of: pair.client) == ratings.spiffeID)
    }

    @Test func `the peer's certificate is parsed once a connection`() async throws {
        let pair = try await TLSPair(client: reviews, server: ratings.makeServerTLSConfiguration())
        _ = try await pair.deliver("hello")
        let server = pair.server
        for _ in 0..<3 { #expect(await WorkloadIdentity.peerIdentity(of: server) == reviews.spiffeID) }
        let description = try await server.testingEventLoop.executeInContext { "\(server.pipeline)" }
        #expect(description.split(separator: "PeerIdentityRecord").count == 2)
    }

    @Test func `a stream's peer is its connection's`() async throws {
        let pair = try await TLSPair(client: reviews, server: ratings.makeServerTLSConfiguration())
        _ = try await pair.deliver("hello")
        let stream = StreamChannel(of: pair.server)
        #expect(await WorkloadIdentity.peerIdentity(of: stream) == reviews.spiffeID)
    }

    @Test func `a plaintext connection has no identity`() async throws {
        let channel = NIOAsyncTestingChannel()
        #expect(await WorkloadIdentity.peerIdentity(of: channel) == nil)
        #expect(await WorkloadIdentity.peerIdentity(of: channel) == nil)
    }

    @Test func `a client refuses a server that is not the one it wants`() async throws {
        let observer = RecordingObserver()
        let client = try await authority.identity(
            "spiffe://cluster.local/ns/default/sa/reviews",
            observers: ObserverSet([observer])
        )
        let server = ratings.makeServerTLSConfiguration()
        let wanted = try await TLSPair(client: client, accepting: [ratings.spiffeID.description], server: server)
        #expect(try await wanted.deliver("hello") == "hello")
        let unwanted = try await TLSPair(
            client: client,
            accepting: ["spiffe://cluster.local/ns/default/sa/details"],
            server: server
        )
        #expect(try await unwanted.deliver("hello") == nil)
        #expect(observer.events.count == 1)
    }

    @Test func `strangers are refused on both sides`() async throws {
        let stranger = try await TestAuthority().identity("spiffe://cluster.local/ns/default/sa/reviews")
        let asClient = try await TLSPair(client: stranger, server: ratings.makeServerTLSConfiguration())
        #expect(try await asClient.deliver("hello") == nil)
        let asServer = try await TLSPair(client: reviews, server: stranger.makeServerTLSConfiguration())
        #expect(try await asServer.deliver("hello") == nil)
    }

    @Test func `federated domains reach each other`() async throws {
        let foreign = try TestAuthority(trustDomain: "other.example")
        let ours = try TrustBundle(pemByTrustDomain: [
            "cluster.local": [authority.pem]
        ])
        let theirs = try TrustBundle(pemByTrustDomain: [
            "other.example": [foreign.pem]
        ])
        let client = try await foreign.identity("spiffe://other.example/ns/default/sa/reviews", trusting: ours)
        let server = try await authority.identity("spiffe://cluster.local/ns/default/sa/ratings", trusting: theirs)
        let pair = try await TLSPair(client: client, server: server.makeServerTLSConfiguration())
        #expect(try await pair.deliver("hello") == "hello")
        #expect(await WorkloadIdentity.peerIdentity(of: pair.server) == client.spiffeID)
    }

    @Test func `a server that was made before the first certificate serves once it is there`() async throws {
        let late = WorkloadIdentity(spiffeID: ratings.spiffeID)
        let server = late.makeServerTLSConfiguration()
        let early = try await TLSPair(client: reviews, server: server)
        #expect(try await early.deliver("hello") == nil)
        let request = try CertificateRequest(for: late.spiffeID)
        try await late.install(authority.answer(request), answering: request)
        let ready = try await TLSPair(client: reviews, server: server)
        #expect(try await ready.deliver("hello") == "hello")
    }

    @Test func `new connections use the renewed certificate and its roots, in both directions`() async throws {
        let server = ratings.makeServerTLSConfiguration()
        let successor = try TestAuthority()
        for identity in [reviews, ratings] {
            let request = try CertificateRequest(for: identity.spiffeID)
            try await identity.install(successor.answer(request), answering: request)
        }
        let renewed = try await TLSPair(client: reviews, server: server)
        #expect(try await renewed.deliver("hello") == "hello")
        let outdated = try await authority.identity("spiffe://cluster.local/ns/default/sa/details")
        let refused = try await TLSPair(client: outdated, server: server)
        #expect(try await refused.deliver("hello") == nil)
    }
}
