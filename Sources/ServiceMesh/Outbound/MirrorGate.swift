// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Synchronization

/// Counts the copies that are on their way, so that a mirror that does not answer cannot fill the memory.
@usableFromInline
final class MirrorGate: Sendable {
    /// How many copies may be on their way in this process.
    ///
    /// As many as Envoy lets be under way to one cluster (`circuit_breakers.thresholds.max_requests`); the cluster's own
    /// limit holds besides.
    static let maximum = 1024

    private let active = Atomic<Int>(0)

    /// Takes a place.
    /// - Returns: Whether there was one.
    func begin() -> Bool {
        guard active.wrappingAdd(1, ordering: .relaxed).newValue <= Self.maximum else {
            active.wrappingSubtract(1, ordering: .relaxed)
            return false
        }
        return true
    }

    /// Gives a place back.
    @usableFromInline
    func end() {
        active.wrappingSubtract(1, ordering: .relaxed)
    }
}
