// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Testing

@testable import MeshXDS

@Suite("When a file is read")
struct FileWatchStateMachineTests {
    private static func look(_ inode: UInt64, _ size: Int64 = 1) -> FileFingerprint {
        FileFingerprint(device: 1, inode: inode, size: size, modified: [1, 1])
    }

    private let first = look(1)
    private let second = look(2)
    private let third = look(2, 3)

    private func machine() -> FileWatchStateMachine {
        var machine = FileWatchStateMachine()
        #expect(machine.seen(first) == .read)
        #expect(machine.read(first, lookingLike: first) == .use)
        return machine
    }

    @Test func `the first look reads at once, and nothing is read twice`() {
        var machine = machine()
        #expect(machine.seen(first) == .rest)
        #expect(machine.availability == .available)
    }

    @Test func `a change is read when it stands still`() {
        var machine = machine()
        #expect(machine.seen(second) == .lookAgainSoon)
        #expect(machine.seen(third) == .lookAgainSoon)
        #expect(machine.seen(third) == .read)
        #expect(machine.read(third, lookingLike: third) == .use)
        #expect(machine.seen(third) == .rest)
    }

    @Test func `what was replaced before, during or after the reading is not used`() {
        for (before, after) in [(second, third), (third, second), (third, third), (first, second)] {
            var machine = machine()
            _ = machine.seen(second)
            #expect(machine.seen(second) == .read)
            #expect(machine.read(before, lookingLike: after) == .lookAgainSoon)
            #expect(machine.seen(first) == .rest)
        }
    }

    @Test func `a file that can be looked at and not be read stays unavailable`() {
        var machine = machine()
        let problem = FileProblem("no")
        for _ in 0..<3 {
            machine.failed(problem)
            #expect(machine.availability == .unavailable(problem))
            #expect(machine.seen(second) == .lookAgainSoon)
            #expect(machine.seen(second) == .read)
            #expect(machine.availability == .unavailable(problem))
        }
        #expect(machine.seen(first) == .rest)
        #expect(machine.availability == .available)
    }
}
