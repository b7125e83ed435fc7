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
        #expect(watch.isReady([look(1), nil]))
        watch.used([look(1), nil])
        #expect(!watch.isReady([look(1), nil]))
        #expect(!watch.isReady([look(2), nil]))
        #expect(!watch.isReady([look(2), look(3)]))
        #expect(watch.isReady([look(2), look(3)]))
        // They were not used: something changed meanwhile.
        #expect(!watch.isReady([look(4), look(3)]))
        #expect(watch.isReady([look(4), look(3)]))
        watch.used([look(4), look(3)])
        #expect(!watch.isReady([look(4), look(3)]))
    }
}
