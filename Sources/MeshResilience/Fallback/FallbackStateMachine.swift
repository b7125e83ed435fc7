// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// How many fallbacks are under way, and whether one more may begin.
package struct FallbackStateMachine: Sendable {
    private let maximum: Int
    /// How many are under way.
    package private(set) var running = 0

    /// Creates the state in which none is under way.
    package init(_ configuration: FallbackConfiguration) {
        self.maximum = configuration.maximumConcurrent
    }

    /// A fallback is wanted.
    /// - Returns: Whether it may begin; it is under way then.
    package mutating func fallbackWanted() -> Bool {
        guard running < maximum else { return false }
        running += 1
        return true
    }

    /// A fallback has ended.
    package mutating func fallbackEnded() {
        running = max(running - 1, 0)
    }
}
