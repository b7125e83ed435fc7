// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Synchronization

/// Counts what several tasks do.
final class AttemptCounter: Sendable {
    private let count = Atomic(0)
    private let most = Atomic(0)

    /// How many there are.
    var now: Int { count.load(ordering: .relaxed) }
    /// How many there were at most.
    var highest: Int { most.load(ordering: .relaxed) }

    func up() {
        let now = count.add(1, ordering: .relaxed).newValue
        _ = most.max(now, ordering: .relaxed)
    }

    func down() {
        count.subtract(1, ordering: .relaxed)
    }
}
