// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Finds how many calls a peer can serve at once from how earlier ones fared.
///
/// An implementer is a pure value: no clock, no lock, nothing asynchronous. It is told of every call that says something
/// about the peer (cancelled ones do not), in the order in which they end, under a lock: it returns quickly. Its limit is
/// at least 1. `AdaptiveLimit` keeps to the limit; use `Bulkhead` where the limit is known.
public protocol LimitAlgorithm: Sendable {
    /// The limit now, at least 1.
    var limit: Int { get }

    /// A call has ended.
    /// - Returns: The limit from now on.
    mutating func sampled(_ sample: LimitSample, using random: MeshRandom) -> Int
}
