// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import SwiftASN1
import Testing
import X509

@testable import MeshControlPlane

@Suite struct AuthorityStateTests {
    private static let overlap: TimeInterval = 3600
    private static let start = Date(timeIntervalSince1970: 1_800_000_000)

    private func maintained(_ state: inout AuthorityState, after seconds: TimeInterval) throws -> [AuthorityState
        .Change]
    {
        let now = Self.start.addingTimeInterval(seconds)
        let changes = try state.maintain(trustDomain: "cluster.local", overlap: Self.overlap, now: now)
        // Whatever it is, it is the same after a restart.
        let read = try AuthorityState(pem: state.pem, trustDomain: "cluster.local", now: now)
        #expect(read.roots == state.roots)
        #expect(read.issuers.map(\.pair.certificate) == state.issuers.map(\.pair.certificate))
        #expect(read.next?.certificate == state.next?.certificate)
        return changes
    }

    @Test func `a root signs an issuing authority, which signs leaves only`() throws {
        let state = try AuthorityState(newFor: "cluster.local", now: Self.start)
        let (root, issuing) = (try #require(state.root), try #require(state.issuers.first?.pair))
        #expect(root.signed(issuing.certificate))
        #expect(root.signedItself && !issuing.signedItself)
        #expect(root.maySignAuthorities && !issuing.maySignAuthorities)
        #expect(state.roots == [root.certificate])
        #expect(state.issuers.first?.sent == [issuing.certificate])
    }

    @Test func `a root is replaced in three steps, each after an overlap`() throws {
        var state = try AuthorityState(newFor: "cluster.local", now: Self.start)
        let old = try #require(state.root?.certificate)
        #expect(try maintained(&state, after: 60).isEmpty)
        let hasBegun = try state.prepareRoot(trustDomain: "cluster.local", now: Self.start)
        let hasBegunAgain = try state.prepareRoot(trustDomain: "cluster.local", now: Self.start)
        #expect(hasBegun && !hasBegunAgain)
        let new = try #require(state.next?.certificate)
        #expect(state.roots == [old, new])
        #expect(try maintained(&state, after: 3599).isEmpty)
        #expect(state.root?.certificate == old)

        #expect(try maintained(&state, after: 3600) == [.rootActivated])
        #expect(state.root?.certificate == new && state.next == nil)
        #expect(state.roots == [new, old])
        #expect(state.issuers.count == 2)
        #expect(state.root?.signed(try #require(state.issuers.first?.pair.certificate)) == true)

        #expect(try maintained(&state, after: 7199).isEmpty)
        #expect(try maintained(&state, after: 7200) == [.issuerRetired, .rootRetired])
        #expect(state.roots == [new])
        #expect(state.issuers.count == 1)
    }

    @Test func `an issuing authority is replaced at the half of its life, and the root a year before its end`() throws {
        var state = try AuthorityState(newFor: "cluster.local", now: Self.start)
        let first = try #require(state.issuers.first?.pair.certificate)
        let half = AuthorityKeyPair.intermediateLifetime / 2
        #expect(try maintained(&state, after: half - 1).isEmpty)
        #expect(try maintained(&state, after: half) == [.issuerReplaced])
        #expect(state.issuers.map(\.pair.certificate).last == first)
        #expect(try maintained(&state, after: half + Self.overlap) == [.issuerRetired])
        let late = AuthorityKeyPair.rootLifetime * 0.9 + 1
        #expect(try maintained(&state, after: late).first == .rootPrepared)
        #expect(state.next != nil)
    }

    @Test func `a root that signed leaves itself goes on, and stays trusted while they live`() throws {
        let made = try AuthorityKeyPair(newRootFor: "cluster.local", now: Self.start)
        var state = try AuthorityState(pem: made.pem, trustDomain: "cluster.local", now: Self.start)
        #expect(state.issuers.first?.pair.certificate == made.certificate)
        #expect(state.issuers.first?.sent.isEmpty == true)
        _ = try state.prepareRoot(trustDomain: "cluster.local", now: Self.start)
        _ = try state.maintain(
            trustDomain: "cluster.local",
            overlap: Self.overlap,
            now: Self.start.addingTimeInterval(3600)
        )
        var read = try AuthorityState(
            pem: state.pem,
            trustDomain: "cluster.local",
            now: Self.start.addingTimeInterval(3600)
        )
        #expect(read.roots.contains(made.certificate))
        #expect(try maintained(&read, after: 7199).isEmpty)
        #expect(try maintained(&read, after: 7200) == [.rootRetired])
    }

    @Test func `keys show nothing of themselves`() throws {
        let state = try AuthorityState(newFor: "cluster.local", now: Self.start)
        var dumped = ""
        dump(state, to: &dumped)
        let key = try #require(try state.root?.key.serializeAsPEM())
        #expect(!dumped.contains("PRIVATE KEY") && !"\(state)".contains("PRIVATE KEY"))
        let digits = key.derBytes.suffix(8).map { "\($0)" }.joined(separator: ", ")
        #expect(!"\(state)\(dumped)".contains(digits))
    }
}
