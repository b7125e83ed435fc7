// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// Successes and failures of the last while, in ten buckets that are forgotten one by one.
struct OutcomeWindow: Sendable {
    private static let bucketCount: UInt64 = 10

    private struct Bucket {
        var successes = 0
        var failures = 0
    }

    private let width: UInt64
    private var buckets: [Bucket]
    private var newest: UInt64 = 0

    init(length: Nanoseconds) {
        self.width = max(length.rawValue / Self.bucketCount, 1)
        self.buckets = Array(repeating: Bucket(), count: Int(Self.bucketCount))
    }

    mutating func add(_ outcome: Outcome, at now: MeshInstant) {
        forget(at: now)
        let position = Int(newest % Self.bucketCount)
        switch outcome {
        case .success: buckets[position].successes += 1
        case .failure: buckets[position].failures += 1
        case .ignored: break
        }
    }

    mutating func counts(at now: MeshInstant) -> (total: Int, failures: Int) {
        forget(at: now)
        var (successes, failures) = (0, 0)
        for bucket in buckets {
            successes += bucket.successes
            failures += bucket.failures
        }
        return (successes + failures, failures)
    }

    private mutating func forget(at now: MeshInstant) {
        let current = now.nanoseconds / width
        guard current > newest else { return }
        for number in 0..<min(current - newest, Self.bucketCount) {
            buckets[Int((current - number) % Self.bucketCount)] = Bucket()
        }
        newest = current
    }
}
