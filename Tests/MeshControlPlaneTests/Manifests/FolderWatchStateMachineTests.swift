// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Testing

@testable import MeshControlPlane

@Suite struct FolderWatchStateMachineTests {
    private static func listing(_ sizes: [String: Int]) -> FolderListing {
        FolderListing(
            files: sizes.mapValues { size in
                FolderListing.Fingerprint(size: size, inode: 1, modified: 1)
            }
        )
    }

    private let first = listing(["a.yaml": 1])
    private let second = listing(["a.yaml": 2])
    private let third = listing(["a.yaml": 2, "b.yaml": 1])

    private func machine(using listing: FolderListing) -> FolderWatchStateMachine {
        var machine = FolderWatchStateMachine()
        #expect(machine.seen(listing) == .read(listing))
        #expect(machine.read(lookingLike: listing) == .use)
        return machine
    }

    @Test func `the first look reads at once, and nothing is read twice`() {
        var machine = machine(using: first)
        #expect(machine.seen(first) == .rest)
    }

    @Test func `an empty folder is read too`() {
        _ = machine(using: FolderListing())
    }

    @Test func `a change is read when it stands still`() {
        var machine = machine(using: first)
        #expect(machine.seen(second) == .lookAgainSoon)
        #expect(machine.seen(third) == .lookAgainSoon)
        #expect(machine.seen(third) == .read(third))
        #expect(machine.read(lookingLike: third) == .use)
        #expect(machine.seen(third) == .rest)
    }

    @Test func `a change that is taken back is not read`() {
        var machine = machine(using: first)
        #expect(machine.seen(second) == .lookAgainSoon)
        #expect(machine.seen(first) == .rest)
        #expect(machine.seen(second) == .lookAgainSoon)
    }

    @Test func `what changed while it was read does not count`() {
        var machine = machine(using: first)
        _ = machine.seen(second)
        #expect(machine.seen(second) == .read(second))
        #expect(machine.read(lookingLike: third) == .lookAgainSoon)
        #expect(machine.seen(third) == .read(third))
        #expect(machine.read(lookingLike: third) == .use)
    }

    @Test func `a folder that is away and comes back as it was is not read again`() {
        var machine = machine(using: first)
        machine.failed(FolderProblem("gone"))
        #expect(machine.problem == FolderProblem("gone"))
        #expect(machine.seen(first) == .rest)
        #expect(machine.problem == nil)
    }

    @Test func `a failure in the middle of a change starts the wait anew`() {
        var machine = machine(using: first)
        _ = machine.seen(second)
        machine.failed(FolderProblem("gone"))
        #expect(machine.seen(second) == .lookAgainSoon)
        #expect(machine.seen(second) == .read(second))
    }
}
