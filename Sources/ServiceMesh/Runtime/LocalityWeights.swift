// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig

/// Turns the weights of localities into weights of their endpoints, which is all that pickers know.
enum LocalityWeights {
    /// The weights of the endpoints of each locality: a locality's share of them all is its own weight's.
    ///
    /// An endpoint weighs its locality's weight times its own, divided by the sum of the locality's endpoints' weights,
    /// brought to whole numbers from 1 on. If some localities have no weight, none is heeded: they cannot be compared.
    static func endpointWeights(of groups: [LocalityEndpoints]) -> [[UInt32]] {
        let shares = groups.compactMap(\.weight).map { UInt64($0) }
        // One locality has all of the traffic, whatever it weighs.
        guard groups.count > 1, shares.count == groups.count else { return groups.map { $0.endpoints.map(\.weight) } }
        let weights = groups.map { $0.endpoints.map { UInt64(max($0.weight, 1)) } }
        return exact(shares, weights) ?? rounded(shares, weights)
    }

    /// The weights on the least common denominator; `nil` if they do not fit.
    private static func exact(_ shares: [UInt64], _ weights: [[UInt64]]) -> [[UInt32]]? {
        var denominator: UInt64 = 1
        let factors = zip(shares, weights).map { share, weights -> (numerator: UInt64, denominator: UInt64) in
            let sum = max(weights.reduce(0, +), 1)
            let divisor = greatestCommonDivisor(share, sum)
            return (numerator: share / divisor, denominator: sum / divisor)
        }
        for factor in factors {
            let reduced = denominator / greatestCommonDivisor(denominator, factor.denominator)
            let (product, overflow) = reduced.multipliedReportingOverflow(by: factor.denominator)
            if overflow { return nil }
            denominator = product
        }
        var scaled: [[UInt64]] = []
        for (factor, weights) in zip(factors, weights) {
            let (scale, overflow) = factor.numerator.multipliedReportingOverflow(by: denominator / factor.denominator)
            if overflow { return nil }
            var row: [UInt64] = []
            for weight in weights {
                let (product, overflow) = scale.multipliedReportingOverflow(by: weight)
                if overflow { return nil }
                row.append(product)
            }
            scaled.append(row)
        }
        let bound = UInt64(UInt32.max)
        let most = scaled.joined().max() ?? 0
        // Weights that fit stay as they are: where localities weigh as much as their endpoints do, nothing changes.
        let divisor = most > bound ? scaled.joined().reduce(0, greatestCommonDivisor) : 1
        guard most / max(divisor, 1) <= bound else { return nil }
        return scaled.map { row in row.map { UInt32(max($0 / max(divisor, 1), 1)) } }
    }

    /// The weights as near as 32 bits allow.
    private static func rounded(_ shares: [UInt64], _ weights: [[UInt64]]) -> [[UInt32]] {
        // The heaviest locality gets nearly all of the range, so that the least is lost. A share and a weight have 32
        // bits each by then: their product does not overflow.
        let scale = UInt64(UInt32.max) / max(shares.max() ?? 1, 1)
        return zip(shares, weights).map { share, weights in
            let sum = max(weights.reduce(0, +), 1)
            return weights.map { UInt32(max(share * scale * $0 / sum, 1)) }
        }
    }

    private static func greatestCommonDivisor(_ first: UInt64, _ second: UInt64) -> UInt64 {
        var (first, second) = (first, second)
        while second != 0 { (first, second) = (second, first % second) }
        return first
    }
}
