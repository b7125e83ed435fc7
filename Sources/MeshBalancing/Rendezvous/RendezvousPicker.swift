// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// Looks at every endpoint's score for the hash.
final class RendezvousPicker: EndpointPicker {
    private let endpoints: [EndpointState]
    /// The same, borrowed: to look at a candidate counts no reference.
    private let candidates: [Unmanaged<EndpointState>]
    private let seeds: [UInt64]
    private let shares: [Double]
    private let random: MeshRandom

    init(_ endpoints: [EndpointState], seeds: [UInt64], shares: [Double], random: MeshRandom) {
        self.endpoints = endpoints
        self.candidates = endpoints.map { .passUnretained($0) }
        self.seeds = seeds
        self.shares = shares
        self.random = random
    }

    func pick(for request: borrowing PickRequest) -> EndpointState? {
        let hash = request.hash ?? random.next()
        var best: Int?
        var bestCost = Double.infinity
        for position in endpoints.indices {
            let cost = cost(of: position, for: hash)
            // Costs first: they are cheaper than a look at another object.
            guard cost < bestCost else { continue }
            if candidates[position]._withUnsafeGuaranteedRef({ $0.suits(request) }) {
                best = position
                bestCost = cost
            }
        }
        if let best { return endpoints[best] }
        guard !endpoints.isEmpty else { return nil }
        return endpoints.firstUsable(from: Int(hash % UInt64(endpoints.count)), for: request)
    }

    /// An exponential draw, the same for each request with this hash, whose mean is the inverse of the share: the least of all is
    /// an endpoint's as often as its share says.
    private func cost(of position: Int, for hash: UInt64) -> Double {
        // The finaliser of SplitMix64, which spreads each bit over all.
        var bits = hash ^ seeds[position]
        bits = (bits ^ bits >> 30) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ bits >> 27) &* 0x94D0_49BB_1331_11EB
        bits ^= bits >> 31
        let uniform = (Double(bits >> 11) + 0.5) * 0x1p-53
        return -uniform.logarithm / shares[position]
    }
}

extension Double {
    /// The natural logarithm of a number from 0 to 1, neither of them. The standard library has none.
    var logarithm: Double {
        // x = s · 2^e with s from 1 to 2, and ln s = 2 · (z + z³/3 + z⁵/5 + …) for z = (s - 1) / (s + 1), which is at most a third.
        let ratio = (significand - 1) / (significand + 1)
        let square = ratio * ratio
        var sum = 0.0
        for term in stride(from: 33.0, through: 1, by: -2) { sum = sum * square + 1 / term }
        return Double(exponent) * 0.693_147_180_559_945_3 + 2 * ratio * sum
    }
}
