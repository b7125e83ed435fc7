// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// The best throughput and the shortest latency of the last while: what a service can do when nothing waits in it.
///
/// Twenty buckets; the oldest one is forgotten as a whole.
struct ThroughputWindow: Sendable {
    private struct Bucket: Sendable {
        var number = UInt64.max
        var served: UInt64 = 0
        var shortest = UInt64.max
    }

    private static let count = 20
    private let length: UInt64
    private var buckets = [Bucket](repeating: Bucket(), count: ThroughputWindow.count)

    init(_ window: Nanoseconds) {
        self.length = max(window.rawValue / UInt64(Self.count), 1)
    }

    /// A request was served.
    mutating func served(in latency: Nanoseconds, at now: MeshInstant) {
        let number = now.nanoseconds / length
        let index = Int(number % UInt64(Self.count))
        if buckets[index].number != number { buckets[index] = Bucket(number: number) }
        buckets[index].served += 1
        buckets[index].shortest = min(buckets[index].shortest, latency.rawValue)
    }

    /// How many requests are under way when the service does what it can and none waits: the best throughput times the
    /// shortest latency; `nil` while nothing was served.
    func bound(at now: MeshInstant) -> Double? {
        let current = now.nanoseconds / length
        var (most, shortest) = (UInt64(0), UInt64.max)
        for bucket in buckets where bucket.number <= current && current - bucket.number < UInt64(Self.count) {
            most = max(most, bucket.served)
            shortest = min(shortest, bucket.shortest)
        }
        return most == 0 ? nil : Double(most) / Double(length) * Double(shortest)
    }
}
