// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@testable import MeshXDS

@Suite struct FileSetWatchTests {
    private func look(_ inode: UInt64) -> FileFingerprint {
        FileFingerprint(device: 1, inode: inode, size: 1, modified: [0, 0])
    }

    @Test func `files are read at first, and then when they have changed and stand still`() {
        var watch = FileSetWatch()
        // Looks one after another, and whether each one leads to reading; after some the content is taken into use.
        let looks: [(look: [FileFingerprint?], isReady: Bool, isUsed: Bool)] = [
            ([look(1), nil], true, true),
            ([look(1), nil], false, false),
            ([look(2), nil], false, false),
            ([look(2), look(3)], false, false),
            // It is not used: something changed meanwhile.
            ([look(2), look(3)], true, false),
            ([look(4), look(3)], false, false),
            ([look(4), look(3)], true, true),
            ([look(4), look(3)], false, false),
        ]
        for (number, step) in looks.enumerated() {
            let isReady = watch.isReady(step.look)
            #expect(isReady == step.isReady, "look \(number)")
            if step.isUsed { watch.used(step.look) }
        }
    }
}
