// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Synchronization

/// The latencies of one endpoint, which many threads tell and read.
///
/// The average and its time are two words. Who reads between them sees an average that decays from another instant, and of two
/// latencies at the same time one may be lost: neither matters to a pick.
struct LatencyTracker: ~Copyable, Sendable {
    /// The bits of the average; of a negative number before the first latency.
    private let value = Atomic<UInt64>((-1.0).bitPattern)
    private let updatedAt = Atomic<UInt64>(0)

    /// The average, or `nil` before the first latency.
    var average: LatencyAverage? {
        let value = Double(bitPattern: value.load(ordering: .relaxed))
        guard value >= 0 else { return nil }
        return LatencyAverage(value, at: MeshInstant(nanoseconds: updatedAt.load(ordering: .relaxed)))
    }

    func record(_ latency: Nanoseconds, at now: MeshInstant, decayTime: Nanoseconds) {
        var average = average ?? LatencyAverage(0, at: now)
        average.record(latency, at: now, decayTime: decayTime)
        value.store(average.value.bitPattern, ordering: .relaxed)
        updatedAt.store(average.updatedAt.nanoseconds, ordering: .relaxed)
    }

    /// Takes over what is known of an endpoint.
    func take(_ other: borrowing LatencyTracker) {
        value.store(other.value.load(ordering: .relaxed), ordering: .relaxed)
        updatedAt.store(other.updatedAt.load(ordering: .relaxed), ordering: .relaxed)
    }
}
