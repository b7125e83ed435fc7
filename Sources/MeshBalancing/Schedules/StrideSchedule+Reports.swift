// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

extension StrideSchedule {
    /// How far above the mean a weight counts, so that a pick looks at no more than so many entries as a rule.
    ///
    /// 10: `kMaxRatio` of gRPC's C-core.
    private static let greatestRatio = 10.0
    /// Which part of the mean a weight counts for at least, so that a bad endpoint is still found out when it gets
    /// better.
    ///
    /// 0.01: `kMinRatio` of gRPC's C-core.
    private static let leastRatio = 0.01

    /// The weights of a schedule from those that endpoints reported, where some may be missing (gRFC A58).
    ///
    /// Who has none gets the mean of the others. With fewer than two there is nothing to compare, and all weigh the
    /// same.
    /// - Parameters:
    ///   - reported: Each greater than 0 and finite, or 0 for none.
    ///   - factors: Which part of its weight each entry gets; greater than 0, at most 1.
    /// - Returns: Weights from 1 to 65535, one of which at least is 65535; none for no entries.
    static func weights(reported: [Double], factors: [Double]) -> [UInt16] {
        let known = reported.reduce(into: 0) { $0 += $1 > 0 ? 1 : 0 }
        let mean = known < 2 ? 1 : reported.reduce(0, +) / Double(known)
        let weights = zip(reported, factors).map { reported, factor in
            guard known >= 2, reported > 0 else { return mean * factor }
            return min(max(reported, mean * leastRatio), mean * greatestRatio) * factor
        }
        guard let heaviest = weights.max() else { return [] }
        return weights.map { UInt16(max(1, ($0 / heaviest * Double(most)).rounded())) }
    }
}
