// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Synchronization

/// Remembers which requests' answers cannot be shared, so that nobody waits for another's in vain.
///
/// Without it, equal requests whose answers are for one caller each would go one after the other instead of beside each
/// other. Varnish's built-in rules call it hit-for-pass, and remember it for 120 s.
final class UnsharedKeys: Sendable {
    private static let memory = ResponseCacheConfiguration(timeToLive: .seconds(120))

    private let clock: any MeshClock
    /// Nothing was noted yet, as with most: asking costs no lock.
    private let isEmpty = Atomic(true)
    private let callers = Atomic<UInt64>(0)
    private let machine = Mutex(ResponseCacheStateMachine<String, Void>(memory))

    init(_ clock: any MeshClock) {
        self.clock = clock
    }

    /// A number that no other caller has.
    func nextCaller() -> UInt64 {
        callers.wrappingAdd(1, ordering: .relaxed).newValue
    }

    /// Whether the answer to such a request was one for its caller alone, not long ago.
    func contains(_ key: String) -> Bool {
        guard !isEmpty.load(ordering: .relaxed) else { return false }
        let now = clock.now
        return machine.withLock { if case .fresh = $0.lookedUp(key, at: now) { true } else { false } }
    }

    /// The answer to such a request was for its caller alone.
    func note(_ key: String) {
        let now = clock.now
        machine.withLock { $0.answered(key, (), cost: 1, askedIn: $0.epoch, at: now) }
        isEmpty.store(false, ordering: .relaxed)
    }
}
