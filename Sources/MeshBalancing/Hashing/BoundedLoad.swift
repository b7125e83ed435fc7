// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Synchronization

/// Consistent hashing with bounded loads (arXiv:1608.01350; Envoy's `hash_balance_factor`): an endpoint that has more to
/// do than its part of the average times a factor leaves the request to another one.
///
/// The others are asked in an order that the hash decides, so that a hash has one second choice, too (arXiv:1908.08762).
struct BoundedLoad: Sendable {
    private let factor: UInt64
    private let shares: [Double]

    /// - Parameter factor: In percent of the average; `nil` for no bound.
    init?(factor: UInt32?, _ weights: NormalizedWeights) {
        guard let factor else { return nil }
        self.factor = UInt64(factor)
        shares = weights.shares
    }

    /// The first choice if it has room, or else the first of the others that has, or else whoever exceeds its bound least.
    /// - Parameter isUsable: Whether an endpoint may be picked.
    /// - Complexity: O(1) while the first choice has one request at most, otherwise O(endpoints).
    func choice(
        _ first: Int,
        for hash: UInt64,
        among endpoints: [EndpointState],
        where isUsable: (EndpointState) -> Bool
    ) -> Int {
        // Everybody may have one.
        if endpoints[first].activeRequests.load(ordering: .relaxed) <= 1 { return first }
        let active = endpoints.reduce(0) { $0 + max($1.activeRequests.load(ordering: .relaxed), 0) }
        let slots = ((UInt64(active) + 1) * factor + 99) / 100
        let load = { (position: Int) -> Double in
            let own = max((Double(slots) * shares[position]).rounded(.up), 1)
            return Double(endpoints[position].activeRequests.load(ordering: .relaxed)) / own
        }
        var (best, least) = (first, load(first))
        if least <= 1 { return first }
        var order = Array(0..<UInt32(endpoints.count))
        var random = MersenneTwister(seed: UInt32(truncatingIfNeeded: hash))
        for position in order.indices {
            let other = position + Int(random.below(UInt32(order.count - position)))
            order.swapAt(position, other)
            let candidate = Int(order[position])
            guard candidate != first, isUsable(endpoints[candidate]) else { continue }
            let load = load(candidate)
            if load <= 1 { return candidate }
            if load < least { (best, least) = (candidate, load) }
        }
        return best
    }
}
