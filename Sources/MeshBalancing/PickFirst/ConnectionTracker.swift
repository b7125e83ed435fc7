// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Synchronization

/// Whether one endpoint can be connected to, as far as requests have found out, and whether it is the one that is stayed with.
///
/// Many threads tell and read; of two that tell at once one may be lost, which costs a wait that is a step too short.
struct ConnectionTracker: ~Copyable, Sendable {
    private static let firstWait = 1e9
    private static let longestWait = 120e9
    private static let factor = 1.6
    private static let jitter = 0.2

    /// Until when it is passed over, in nanoseconds of the mesh's clock; 0 if it is not.
    private let passedOverUntil = Atomic<UInt64>(0)
    private let failuresInRow = Atomic<UInt64>(0)
    /// Whether it is the one that requests go to.
    let isChosen = Atomic<Bool>(false)

    /// Whether the wait after the last failure is not over.
    func isPassedOver(at now: MeshInstant) -> Bool {
        passedOverUntil.load(ordering: .relaxed) > now.nanoseconds
    }

    /// No connection was made: the wait is gRPC's, 1 s, and 1.6 times as long after each further failure, 120 s at most,
    /// ±20%.
    func failed(at now: MeshInstant) {
        // Many requests fail at one dead connection: they are one failure.
        guard !isPassedOver(at: now) else { return }
        let failures = failuresInRow.wrappingAdd(1, ordering: .relaxed).oldValue
        var wait = Self.firstWait
        for _ in 0..<min(failures, 64) where wait < Self.longestWait { wait *= Self.factor }
        let bits = XXH64.hash("\(now.nanoseconds)", seed: failures)
        let share = 1 - Self.jitter + 2 * Self.jitter * Double(bits >> 11) * 0x1p-53
        let span = Nanoseconds(rawValue: UInt64(min(wait, Self.longestWait) * share))
        passedOverUntil.store(now.advanced(by: span).nanoseconds, ordering: .relaxed)
        isChosen.store(false, ordering: .relaxed)
    }

    /// It has answered.
    func answered() {
        // Nearly always there is nothing to forget.
        guard failuresInRow.load(ordering: .relaxed) != 0 else { return }
        failuresInRow.store(0, ordering: .relaxed)
        passedOverUntil.store(0, ordering: .relaxed)
    }

    /// Takes over what is known of an endpoint.
    func take(_ other: borrowing ConnectionTracker) {
        passedOverUntil.store(other.passedOverUntil.load(ordering: .relaxed), ordering: .relaxed)
        failuresInRow.store(other.failuresInRow.load(ordering: .relaxed), ordering: .relaxed)
        isChosen.store(other.isChosen.load(ordering: .relaxed), ordering: .relaxed)
    }
}
