// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import MeshCore
import MeshIdentity
import MeshXDS
import Testing

@testable import MeshControlPlane

@Suite struct RevocationTests {
    @Test func `a certificate that is taken back is refused, also after a restart`() async throws {
        let fixture = try AuthorityFixture()
        let authority = fixture.authority
        let (bad, good) = (try AuthorityFixture.issue(authority), try AuthorityFixture.issue(authority))
        #expect(await AuthorityFixture.verdict(bad, try authority.trustBundle()) == nil)
        let number = try AuthorityFixture.serialNumber(bad)
        #expect(try authority.revoke(.serialNumber(number), operator: "test").map(\.serialNumber) == [number])
        #expect(try authority.revoke(.serialNumber(number.uppercased()), operator: "test").isEmpty)
        for authority in [authority, try fixture.restarted()] {
            #expect(await AuthorityFixture.verdict(bad, try authority.trustBundle()) == .revoked)
            #expect(await AuthorityFixture.verdict(good, try authority.trustBundle()) == nil)
            #expect(authority.revoked.map(\.identity) == [AuthorityFixture.reviews])
            #expect(authority.issued().count == 1)
        }
    }

    @Test func `an identity is taken back with all its certificates`() async throws {
        let fixture = try AuthorityFixture()
        let chains = try (0..<3).map { _ in try AuthorityFixture.issue(fixture.authority) }
        let other = try AuthorityFixture.issue(fixture.authority, name: "spiffe://cluster.local/ns/default/sa/ratings")
        // What a restarted process knows of them stands in the audit log.
        let authority = try fixture.restarted()
        #expect(try authority.revoke(.identity(AuthorityFixture.reviews), operator: "test").count == 3)
        let bundle = try authority.trustBundle()
        for chain in chains { #expect(await AuthorityFixture.verdict(chain, bundle) == .revoked) }
        #expect(await AuthorityFixture.verdict(other, bundle) == nil)
    }

    @Test(arguments: ["", "xyz", ":", "00", String(repeating: "ab", count: 21)])
    func `what is no number takes nothing back`(text: String) throws {
        let authority = try AuthorityFixture().authority
        #expect(throws: ConfigurationError.self) { try authority.revoke(.serialNumber(text), operator: "test") }
        #expect(authority.revoked.isEmpty)
    }

    @Test func `certificates of before are taken back by those who signed them`() async throws {
        let start = Date()
        let fixture = try AuthorityFixture(now: start)
        let authority = fixture.authority
        let early = try AuthorityFixture.issue(authority)
        #expect(try authority.rotateRoot(operator: "test", now: start.addingTimeInterval(-2 * authority.overlap)))
        #expect(try !authority.rotateRoot(operator: "test"))
        try authority.maintain(now: start)
        let late = try AuthorityFixture.issue(authority)
        #expect(late[1] != early[1])
        for chain in [early, late] {
            #expect(await AuthorityFixture.verdict(chain, try authority.trustBundle()) == nil)
        }
        for chain in [early, late] {
            _ = try authority.revoke(.serialNumber(AuthorityFixture.serialNumber(chain)), operator: "test")
            #expect(await AuthorityFixture.verdict(chain, try authority.trustBundle()) == .revoked)
        }
    }

    @Test func `a certificate buys its own identity again, until it is taken back`() throws {
        // The folder goes with the fixture.
        let fixture = try AuthorityFixture()
        defer { withExtendedLifetime(fixture) {} }
        let authority = fixture.authority
        let number = try AuthorityFixture.serialNumber(try AuthorityFixture.issue(authority))
        let peer = SigningCaller(peer: .init(identity: AuthorityFixture.reviews, serialNumber: number))
        try AuthorityFixture.issue(authority, caller: peer)
        let error = #expect(throws: SigningRefusal.self) {
            try AuthorityFixture.issue(authority, caller: peer, name: "spiffe://cluster.local/ns/default/sa/ratings")
        }
        guard case .forbidden? = error else {
            Issue.record("another identity was signed: \(String(describing: error))")
            return
        }
        _ = try authority.revoke(.serialNumber(number), operator: "test")
        #expect(throws: SigningRefusal.unauthenticated) { try AuthorityFixture.issue(authority, caller: peer) }
    }

    @Test func `a list that cannot be read stops the authority and not the revocations`() throws {
        let fixture = try AuthorityFixture()
        let file = PrivateFile(directory: fixture.state, name: "revoked.json")
        try file.write("[{")
        #expect(throws: ConfigurationError.self) { try fixture.restarted() }
        #expect(try file.read() == "[{")
    }

    @Test func `expired certificates leave the list`() throws {
        var book = RevocationBook(maximumRevoked: 2)
        let now = Date()
        for number in ["01", "02"] {
            let entry = book.revoke(serialNumber: number, longestLife: 60, now: now)
            #expect(entry != nil)
        }
        let third = book.revoke(serialNumber: "03", longestLife: 60, now: now)
        #expect(third == nil)
        let early = book.forgetExpired(now: now.addingTimeInterval(300))
        let late = book.forgetExpired(now: now.addingTimeInterval(60 + 301))
        #expect(!early && late)
        #expect(book.revoked.isEmpty)
    }
}
