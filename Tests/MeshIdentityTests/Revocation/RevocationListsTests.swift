// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import Testing
import X509

@testable import MeshIdentity

@Suite struct RevocationListsTests {
    private static let now = Date()
    private let authority: TestAuthority
    private let leaf: Certificate

    init() throws {
        self.authority = try TestAuthority()
        self.leaf = try authority.leaf()
    }

    private func refusal(
        _ lists: [CertificateRevocationList],
        _ unknown: RevocationLists.Unknown,
        scope: RevocationLists.Scope = .chain,
        chain: [Certificate]? = nil
    ) throws -> IdentityError.Code? {
        var all = try RevocationLists(unknown: unknown, scope: scope)
        for list in lists { try all.insert(list) }
        do {
            try all.check(chain ?? [leaf, authority.certificate], at: Self.now)
            return nil
        } catch {
            return error.code
        }
    }

    @Test func `what a list takes back is refused, what it does not is taken`() throws {
        let other = try authority.leaf()
        #expect(try refusal([authority.revocationList(of: [leaf])], .accepted) == .revoked)
        #expect(try refusal([authority.revocationList(of: [other])], .refused) == nil)
    }

    @Test func `a certificate that no list knows is refused as in Envoy or taken as in gRPC`() throws {
        let foreign = try TestAuthority(trustDomain: "other.example").revocationList(of: [leaf])
        // The same name and another key: nobody may take back what is another's.
        let impostor = try TestAuthority().revocationList(of: [leaf])
        for lists in [[], [foreign], [impostor]] {
            #expect(try refusal(lists, .refused) == .untrusted)
            #expect(try refusal(lists, .accepted) == nil)
        }
    }

    @Test func `an old list takes back for good and says nothing about the rest`() throws {
        let past = (from: Date(timeIntervalSinceNow: -7200), to: Date(timeIntervalSinceNow: -3600))
        let about = try authority.revocationList(of: [leaf], from: past.from, to: past.to)
        let silent = try authority.revocationList(of: [], from: past.from, to: past.to)
        #expect(try refusal([about], .accepted) == .revoked)
        #expect(try refusal([silent], .accepted) == nil)
        #expect(try refusal([silent], .refused) == .untrusted)
    }

    @Test func `the newest list counts, and none from the future`() throws {
        let old = try authority.revocationList(of: [leaf], number: 1, from: Date(timeIntervalSinceNow: -100))
        let new = try authority.revocationList(of: [], number: 2, from: Date(timeIntervalSinceNow: -50))
        let future = try authority.revocationList(of: [leaf], number: 3, from: Date(timeIntervalSinceNow: 500))
        #expect(try refusal([new, old, future], .refused) == nil)
        #expect(try refusal([future], .refused) == .untrusted)
    }

    @Test func `an authority below the root can be taken back`() throws {
        let issuing = try TestAuthority(below: authority)
        let chain = [try issuing.leaf(), issuing.certificate, authority.certificate]
        let list = try authority.revocationList(of: [issuing.certificate])
        #expect(try refusal([list], .accepted, chain: chain) == .revoked)
        #expect(try refusal([list], .accepted, scope: .leaf, chain: chain) == nil)
        #expect(try refusal([list, issuing.revocationList(of: [])], .refused, scope: .leaf, chain: chain) == nil)
        #expect(try refusal([authority.revocationList(of: [])], .refused, chain: chain) == .untrusted)
    }

    @Test func `the verifier of peers asks them`() async throws {
        var trust = TrustBundle()
        try trust.insert(authority.certificate, trustDomain: "cluster.local")
        trust.setRevocations(
            try RevocationLists(pem: [authority.revocationList(of: [leaf]).pem]),
            of: "cluster.local"
        )
        let verifier = PeerVerifier(trust: trust)
        let error = await #expect(throws: IdentityError.self) { try await verifier.proof(from: [leaf], role: .client) }
        #expect(error?.code == .revoked)
        _ = try await verifier.proof(from: [try authority.leaf()], role: .client)
        trust.setRevocations(nil, of: "cluster.local")
        _ = try await PeerVerifier(trust: trust).proof(from: [leaf], role: .client)
    }

    @Test func `there is an end to the number of lists`() throws {
        var lists = try RevocationLists()
        let same = try authority.revocationList(of: [], number: 0)
        for _ in 0..<100 { try lists.insert(same) }
        #expect(lists.lists.count == 1)
        for number in 1..<UInt64(RevocationLists.maximumCount) {
            try lists.insert(authority.revocationList(of: [], number: number))
        }
        let one = try authority.revocationList(of: [], number: 1000)
        #expect(throws: IdentityError.self) { try lists.insert(one) }
    }
}
