// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// The calls and successes of the last while, in buckets that are forgotten one by one; the sums are kept.
struct CallWindow: Sendable {
    private struct Bucket {
        var calls = 0
        var successes = 0
    }

    private let width: UInt64
    private var buckets: [Bucket]
    private var newest: UInt64 = 0
    /// The calls of the window.
    private(set) var calls = 0
    /// The successes of the window.
    private(set) var successes = 0

    init(length: Nanoseconds, buckets count: Int) {
        self.width = max(length.rawValue / UInt64(max(count, 1)), 1)
        self.buckets = Array(repeating: Bucket(), count: max(count, 1))
    }

    /// Counts a call.
    mutating func add(isSuccess: Bool, at now: MeshInstant) {
        forget(at: now)
        let position = Int(newest % UInt64(buckets.count))
        buckets[position].calls += 1
        calls += 1
        guard isSuccess else { return }
        buckets[position].successes += 1
        successes += 1
    }

    /// Forgets what is older than the window.
    mutating func forget(at now: MeshInstant) {
        let current = now.nanoseconds / width
        guard current > newest else { return }
        let count = UInt64(buckets.count)
        for number in 0..<min(current - newest, count) {
            let position = Int((current - number) % count)
            calls -= buckets[position].calls
            successes -= buckets[position].successes
            buckets[position] = Bucket()
        }
        newest = current
    }

    /// The calls a second since the oldest that is remembered, and at least over one second, as Envoy averages them.
    /// - Complexity: O(buckets).
    func averageRate(at now: MeshInstant) -> Double {
        let count = UInt64(buckets.count)
        // The bucket after the newest is the oldest.
        for age in (0..<min(count, newest + 1)).reversed() where buckets[Int((newest - age) % count)].calls > 0 {
            let start = MeshInstant(nanoseconds: (newest - age) * width)
            return Double(calls) / max(now.elapsed(since: start).seconds, 1)
        }
        return 0
    }
}
