// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Synchronization

/// What outlier detection counts of an endpoint: failures in a row, and successes and failures since the last interval.
///
/// A success costs one load and one addition, and takes no lock.
struct OutlierTally: ~Copyable, Sendable {
    /// Which failures in a row; the value is where their count begins in the word that holds all three.
    enum Streak: UInt64 {
        case failures = 0
        case gatewayFailures = 21
        case localOriginFailures = 42

        /// The largest count, which stays: no threshold above it is ever reached.
        static let maximum: UInt64 = (1 << 21) - 1

        fileprivate var mask: UInt64 { Self.maximum << rawValue }
    }

    /// Successes and failures.
    struct Rate: ~Copyable, Sendable {
        private let total = Atomic<UInt64>(0)
        private let failures = Atomic<UInt64>(0)

        func succeeded() {
            total.wrappingAdd(1, ordering: .relaxed)
        }

        func failed() {
            failures.wrappingAdd(1, ordering: .relaxed)
            total.wrappingAdd(1, ordering: .relaxed)
        }

        /// What was counted since the last time; the next begins at nothing.
        func take() -> OutlierDetectionStateMachine.Rate {
            let failures = failures.exchange(0, ordering: .relaxed)
            let total = total.exchange(0, ordering: .relaxed)
            // A request that is counted meanwhile may be in one of them alone.
            return OutlierDetectionStateMachine.Rate(total: total, failures: min(failures, total))
        }
    }

    private let streaks = Atomic<UInt64>(0)
    /// How answers turned out; without a split, no answers too.
    let answers = Rate()
    /// How often there was a connection and an answer in time, where that is counted apart.
    let localOrigin = Rate()

    /// Counts one more failure in a row.
    /// - Returns: How many it is now.
    func extend(_ streak: Streak) -> UInt64 {
        var known = streaks.load(ordering: .relaxed)
        while true {
            let count = (known & streak.mask) >> streak.rawValue
            guard count < Streak.maximum else { return count }
            let (isDone, current) = streaks.weakCompareExchange(
                expected: known,
                desired: known + (1 << streak.rawValue),
                ordering: .relaxed
            )
            if isDone { return count + 1 }
            known = current
        }
    }

    /// A row is over.
    func end(_ streak: Streak) {
        guard streaks.load(ordering: .relaxed) & streak.mask != 0 else { return }
        streaks.bitwiseAnd(~streak.mask, ordering: .relaxed)
    }

    /// All rows are over.
    func endStreaks() {
        guard streaks.load(ordering: .relaxed) != 0 else { return }
        streaks.store(0, ordering: .relaxed)
    }

    /// Takes over the rows of another one. What was counted since the last interval is lost with it: a change of an endpoint's
    /// description is no reason to judge it by half of an interval.
    func takeStreaks(of other: borrowing OutlierTally) {
        streaks.store(other.streaks.load(ordering: .relaxed), ordering: .relaxed)
    }
}
