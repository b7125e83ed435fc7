// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

package import MeshCore

/// How latencies are distributed, in buckets of at most a sixteenth of their value: any percentile in bounded memory.
///
/// Memory is 4 KB however many latencies there are; a percentile is off by a sixteenth at most, and exact where all are the
/// same.
package struct LatencyHistogram: Sendable {
    private static let subBuckets = 16
    private var counts = [UInt32](repeating: 0, count: 61 * subBuckets)
    private var least = UInt64.max
    private var most: UInt64 = 0
    package private(set) var count = 0

    package init() {}

    /// Adds a latency.
    /// - Complexity: O(1), without allocation.
    package mutating func add(_ latency: Nanoseconds) {
        let value = latency.rawValue
        let bucket = Self.bucket(of: value)
        counts[bucket] = counts[bucket] == .max ? .max : counts[bucket] + 1
        count += 1
        least = min(least, value)
        most = max(most, value)
    }

    /// The latency that `share` of all do not exceed; `nil` without latencies.
    package func quantile(_ share: Double) -> Nanoseconds? {
        guard count > 0 else { return nil }
        let rank = max(1, Int((Double(count) * share).rounded(.up)))
        var seen = 0
        for (bucket, inBucket) in counts.enumerated() where inBucket > 0 {
            seen += Int(inBucket)
            if seen >= rank { return Nanoseconds(rawValue: min(max(Self.middle(of: bucket), least), most)) }
        }
        return Nanoseconds(rawValue: most)
    }

    package mutating func clear() {
        for bucket in counts.indices { counts[bucket] = 0 }
        (least, most, count) = (.max, 0, 0)
    }

    /// Values below 16 have a bucket each; above, each power of two has 16.
    private static func bucket(of value: UInt64) -> Int {
        guard value >= UInt64(subBuckets) else { return Int(value) }
        let exponent = 63 - value.leadingZeroBitCount
        return (exponent - 3) * subBuckets + Int((value >> UInt64(exponent - 4)) & 15)
    }

    private static func middle(of bucket: Int) -> UInt64 {
        guard bucket >= subBuckets else { return UInt64(bucket) }
        let exponent = bucket / subBuckets + 3
        let width = UInt64(1) << UInt64(exponent - 4)
        return (UInt64(subBuckets + bucket % subBuckets) * width) + width / 2
    }
}
