// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// How often each event happened in the last while, in buckets that are forgotten one by one.
///
/// Ten buckets of a second: `metrics.rollingStats.timeInMilliseconds` and `numBuckets` of Hystrix.
struct RollingCounts: Sendable {
    static let bucketCount = 10
    static let bucketWidth = Nanoseconds.seconds(1)
    private static let eventCount = CommandEvent.allCases.count

    /// One row of counts for each bucket, one after the other, so that an event costs one addition in one array.
    private var counts = [Int](repeating: 0, count: bucketCount * eventCount)
    private var mostConcurrent = [Int](repeating: 0, count: bucketCount)
    private var newest: UInt64 = 0

    mutating func happened(_ event: CommandEvent, at now: MeshInstant) {
        counts[bucket(at: now) * Self.eventCount + event.rawValue] += 1
    }

    mutating func underWay(_ count: Int, at now: MeshInstant) {
        let bucket = bucket(at: now)
        mostConcurrent[bucket] = max(mostConcurrent[bucket], count)
    }

    /// How often the event happened in the last ten seconds.
    func count(of event: CommandEvent, at now: MeshInstant) -> Int {
        valid(at: now).reduce(0) { $0 + counts[$1 * Self.eventCount + event.rawValue] }
    }

    /// The most calls that were under way at once in the last ten seconds.
    func mostUnderWay(at now: MeshInstant) -> Int {
        valid(at: now).reduce(0) { max($0, mostConcurrent[$1]) }
    }

    /// The buckets that are not too old: reading does not change anything.
    private func valid(at now: MeshInstant) -> [Int] {
        let current = max(now.nanoseconds / Self.bucketWidth.rawValue, newest)
        return (0..<UInt64(Self.bucketCount)).compactMap { age in
            guard age <= newest, newest - age + UInt64(Self.bucketCount) > current else { return nil }
            return Int((newest - age) % UInt64(Self.bucketCount))
        }
    }

    private mutating func bucket(at now: MeshInstant) -> Int {
        let current = now.nanoseconds / Self.bucketWidth.rawValue
        if current > newest {
            for number in 0..<min(current - newest, UInt64(Self.bucketCount)) {
                let bucket = Int((current - number) % UInt64(Self.bucketCount))
                for event in 0..<Self.eventCount { counts[bucket * Self.eventCount + event] = 0 }
                mostConcurrent[bucket] = 0
            }
            newest = current
        }
        return Int(newest % UInt64(Self.bucketCount))
    }
}
