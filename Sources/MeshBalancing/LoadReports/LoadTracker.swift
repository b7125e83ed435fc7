// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Synchronization

/// What one endpoint reported of its load, which many threads tell and read.
///
/// The weight and its times are three words. Who reads between them sees a weight with another one's time, and of two
/// reports at the same time one may be lost: neither matters to a schedule that is made anew each second.
struct LoadTracker: ~Copyable, Sendable {
    /// The bits of the weight; of 0 before the first report.
    private let value = Atomic<UInt64>(0)
    private let since = Atomic<UInt64>(0)
    private let updatedAt = Atomic<UInt64>(0)
    /// Reports that could not be read.
    let refused = Atomic<UInt64>(0)

    /// The weight, or `nil` before the first report.
    var weight: ReportedWeight? {
        let value = Double(bitPattern: value.load(ordering: .relaxed))
        guard value > 0 else { return nil }
        return ReportedWeight(
            value,
            since: MeshInstant(nanoseconds: since.load(ordering: .relaxed)),
            updatedAt: MeshInstant(nanoseconds: updatedAt.load(ordering: .relaxed))
        )
    }

    func record(_ value: Double, at now: MeshInstant, expiration: Nanoseconds) {
        var weight = weight ?? ReportedWeight(value, at: now)
        weight.update(value, at: now, expiration: expiration)
        since.store(weight.since.nanoseconds, ordering: .relaxed)
        updatedAt.store(weight.updatedAt.nanoseconds, ordering: .relaxed)
        self.value.store(weight.value.bitPattern, ordering: .relaxed)
    }

    /// Takes over what is known of an endpoint.
    func take(_ other: borrowing LoadTracker) {
        since.store(other.since.load(ordering: .relaxed), ordering: .relaxed)
        updatedAt.store(other.updatedAt.load(ordering: .relaxed), ordering: .relaxed)
        value.store(other.value.load(ordering: .relaxed), ordering: .relaxed)
        refused.store(other.refused.load(ordering: .relaxed), ordering: .relaxed)
    }
}
