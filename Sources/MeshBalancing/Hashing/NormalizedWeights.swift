// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Each endpoint's share of the whole, as tables of consistent balancers are made from them.
struct NormalizedWeights {
    /// By endpoint; their sum is 1, as far as doubles can say so.
    let shares: [Double]
    let least: Double
    let greatest: Double

    init(_ endpoints: [EndpointState]) {
        let sum = endpoints.reduce(into: UInt64(0)) { $0 += UInt64($1.weight) }
        let total = Double(max(sum, 1))
        self.init(shares: endpoints.map { Double($0.weight) / total })
    }

    init(shares: [Double]) {
        self.shares = shares
        least = shares.min() ?? 1
        greatest = shares.max() ?? 0
    }
}
