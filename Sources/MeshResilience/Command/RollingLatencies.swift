// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// The latest latencies of the last minute, for exact percentiles over a bounded sample.
///
/// Six buckets of ten seconds with at most 100 values each, the newest of which stay: Hystrix'
/// `metrics.rollingPercentile.timeInMilliseconds`, `numBuckets` and `bucketSize`.
struct RollingLatencies: Sendable {
    static let bucketCount = 6
    static let bucketWidth = Nanoseconds.seconds(10)
    static let bucketSize = 100

    private var values = [UInt64](repeating: 0, count: bucketCount * bucketSize)
    /// How many values each bucket was given, also those that others have taken the place of.
    private var given = [Int](repeating: 0, count: bucketCount)
    private var newest: UInt64 = 0

    mutating func add(_ latency: Nanoseconds, at now: MeshInstant) {
        let current = now.nanoseconds / Self.bucketWidth.rawValue
        if current > newest {
            for number in 0..<min(current - newest, UInt64(Self.bucketCount)) {
                given[Int((current - number) % UInt64(Self.bucketCount))] = 0
            }
            newest = current
        }
        let bucket = Int(newest % UInt64(Self.bucketCount))
        values[bucket * Self.bucketSize + given[bucket] % Self.bucketSize] = latency.rawValue
        given[bucket] += 1
    }

    /// The latencies of the last minute, the shortest first.
    /// - Complexity: O(n log n) in the 600 values that there can be.
    func sorted(at now: MeshInstant) -> [UInt64] {
        let current = max(now.nanoseconds / Self.bucketWidth.rawValue, newest)
        var found: [UInt64] = []
        for age in 0..<UInt64(Self.bucketCount) {
            guard age <= newest, newest - age + UInt64(Self.bucketCount) > current else { continue }
            let bucket = Int((newest - age) % UInt64(Self.bucketCount))
            let start = bucket * Self.bucketSize
            found += values[start..<start + min(given[bucket], Self.bucketSize)]
        }
        return found.sorted()
    }
}
