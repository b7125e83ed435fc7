// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Synchronization

/// How much all calls of a transport keep for further attempts.
final class ReplayBudget: Sendable {
    private let held = Atomic<Int>(0)
    private let limit: Int

    init(limit: Int) {
        self.limit = limit
    }

    /// Whether it is used up: then each call keeps no more than what was not sent yet.
    var isScarce: Bool { held.load(ordering: .relaxed) > limit }

    /// - Parameter bytes: How many more are held; fewer, if it is negative.
    func take(_ bytes: Int) {
        if bytes != 0 { held.wrappingAdd(bytes, ordering: .relaxed) }
    }

    func release(_ bytes: Int) {
        take(-bytes)
    }

    /// How many bytes are held.
    var heldBytes: Int { held.load(ordering: .relaxed) }
}
