// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Synchronization

/// How many operations go on that nobody waits for, and how many may.
final class AbandonedWork: Sendable {
    private let running = Atomic(0)
    private let maximum: Int

    init(maximum: Int) {
        self.maximum = maximum
    }

    var count: Int { running.load(ordering: .relaxed) }
    var isFull: Bool { count >= maximum }

    /// One more may go on.
    /// - Returns: `false` if there is no room.
    func began() -> Bool {
        guard running.wrappingAdd(1, ordering: .relaxed).newValue <= maximum else {
            ended()
            return false
        }
        return true
    }

    func ended() {
        running.wrappingSubtract(1, ordering: .relaxed)
    }
}
