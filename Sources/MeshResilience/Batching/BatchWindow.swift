// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// Which calls would have been made as one: what a batching that only observes keeps.
struct BatchWindow: Sendable {
    private let maximumCalls: Int
    private let length: Nanoseconds
    private var openedAt: MeshInstant?
    private var calls = 0

    init(_ configuration: BatchingConfiguration) {
        self.maximumCalls = configuration.maximumBatchSize
        self.length = configuration.maximumDelay
    }

    /// A call has come.
    /// - Returns: Whether it would have gone with one that came before.
    mutating func callCame(at now: MeshInstant) -> Bool {
        if let openedAt, now.elapsed(since: openedAt) < length, calls < maximumCalls {
            calls += 1
            return true
        }
        openedAt = now
        calls = 1
        return false
    }
}
