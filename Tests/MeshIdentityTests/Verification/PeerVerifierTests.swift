// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import MeshSecurity
import SwiftASN1
import Testing
import X509

@testable import MeshIdentity

@Suite struct PeerVerifierTests {
    private let authority: TestAuthority
    private let verifier: PeerVerifier

    init() throws {
        self.authority = try TestAuthority()
        var trust = TrustBundle()
        try trust.insert(authority.certificate, trustDomain: "cluster.local")
        self.verifier = PeerVerifier(trust: trust)
    }

    private func refusal(
        of presented: [Certificate],
        role: PeerRole = .client,
        accepting: Set<String> = []
    ) async -> IdentityError.Code? {
        do {
            _ = try await verifier.proof(from: presented, role: role, acceptedIdentities: accepting)
            return nil
        } catch {
            return error.code
        }
    }

    @Test func `a leaf that a root signed proves its identity, as a client and as a server`() async throws {
        let leaf = try authority.leaf()
        for role in [PeerRole.client, .server] {
            let proof = try await verifier.proof(from: [leaf], role: role)
            #expect(proof.identity.description == "spiffe://cluster.local/ns/default/sa/reviews")
            #expect(proof.chain == [leaf, authority.certificate])
        }
    }

    @Test func `a chain through an authority below the root is followed`() async throws {
        let issuing = try TestAuthority(below: authority)
        let leaf = try issuing.leaf()
        let proof = try await verifier.proof(from: [leaf, issuing.certificate], role: .client)
        #expect(proof.chain == [leaf, issuing.certificate, authority.certificate])
        #expect(await refusal(of: [leaf]) == .untrusted)
    }

    @Test func `an authority for another domain cannot make identities of this one`() async throws {
        let issuing = try TestAuthority(trustDomain: "other.example", below: authority)
        #expect(await refusal(of: [try issuing.leaf(), issuing.certificate]) == .untrusted)
    }

    @Test func `a federated root vouches for its own domain only`() async throws {
        let foreign = try TestAuthority(trustDomain: "other.example")
        var trust = TrustBundle()
        try trust.insert(authority.certificate, trustDomain: "cluster.local")
        try trust.insert(foreign.certificate, trustDomain: "other.example")
        let verifier = PeerVerifier(trust: trust)
        let own = try foreign.leaf(TestAuthority.Leaf(uris: ["spiffe://other.example/ns/default/sa/reviews"]))
        #expect(try await verifier.proof(from: [own], role: .client).identity.trustDomain == "other.example")
        let stolen = try foreign.leaf()
        await #expect(throws: IdentityError.self) { try await verifier.proof(from: [stolen], role: .client) }
    }

    @Test func `expired and future certificates prove nothing`() async throws {
        let expired = TestAuthority.Leaf(
            notBefore: Date(timeIntervalSinceNow: -600),
            notAfter: Date(timeIntervalSinceNow: -300)
        )
        let future = TestAuthority.Leaf(notBefore: Date(timeIntervalSinceNow: 300))
        #expect(await refusal(of: [try authority.leaf(expired)]) == .untrusted)
        #expect(await refusal(of: [try authority.leaf(future)]) == .untrusted)
    }

    @Test func `an unknown domain, another root of the same name and a self-signed certificate are refused`()
        async throws
    {
        let foreign = try TestAuthority(trustDomain: "other.example")
        let foreignLeaf = TestAuthority.Leaf(uris: ["spiffe://other.example/ns/default/sa/reviews"])
        #expect(await refusal(of: [try foreign.leaf(foreignLeaf), foreign.certificate]) == .untrusted)
        let impostor = try TestAuthority()
        #expect(impostor.certificate.subject == authority.certificate.subject)
        #expect(await refusal(of: [try impostor.leaf(), impostor.certificate]) == .untrusted)
        #expect(await refusal(of: [authority.certificate]) == .notAWorkloadCertificate)
    }

    @Test func `two names, an authority and nothing at all are refused`() async throws {
        let two = TestAuthority.Leaf(uris: ["spiffe://cluster.local/a", "spiffe://cluster.local/b"])
        #expect(await refusal(of: [try authority.leaf(two)]) == .notAWorkloadCertificate)
        #expect(
            await refusal(of: [try authority.leaf(TestAuthority.Leaf(isAuthority: true))]) == .notAWorkloadCertificate
        )
        #expect(await refusal(of: []) == .untrusted)
    }

    @Test func `a critical extended usage is understood and held against the role`() async throws {
        let both = TestAuthority.Leaf(isExtendedUsageCritical: true)
        #expect(await refusal(of: [try authority.leaf(both)]) == nil)
        let serverOnly = try authority.leaf(
            TestAuthority.Leaf(extendedUsage: [.serverAuth], isExtendedUsageCritical: true)
        )
        #expect(await refusal(of: [serverOnly], role: .server) == nil)
        #expect(await refusal(of: [serverOnly], role: .client) == .untrusted)
    }

    @Test func `only accepted identities pass, compared in full`() async throws {
        let leaf = try authority.leaf()
        #expect(await refusal(of: [leaf], accepting: ["spiffe://cluster.local/ns/default/sa/reviews"]) == nil)
        for accepted in ["spiffe://cluster.local/ns/default/sa/ratings", "spiffe://cluster.local/ns/default/sa/review"]
        {
            #expect(await refusal(of: [leaf], accepting: [accepted]) == .notAccepted)
        }
    }

    @Test func `a chain longer than any real one is not looked at`() async throws {
        let leaf = try authority.leaf()
        let padding = Array(repeating: authority.certificate, count: PeerVerifier.maximumChainLength)
        #expect(await refusal(of: [leaf] + padding) == .untrusted)
        #expect(await refusal(of: [leaf] + padding.dropLast()) == nil)
    }
}
