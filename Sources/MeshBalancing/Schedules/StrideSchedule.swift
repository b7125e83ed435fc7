// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Whose turn it is among weighted entries, from nothing but a counter: gRPC's static stride scheduler (gRFC A58).
///
/// The counter runs over the entries again and again; in each generation an entry's turn is taken or passed over, so that it
/// has been taken in proportion to its weight at any time. The heaviest entry never passes, which bounds a pick by the number of
/// entries; it takes as many looks as the heaviest weight is above the average.
struct StrideSchedule: Sendable {
    /// What the heaviest entry weighs.
    private static let most: UInt64 = 65_535

    private let weights: [UInt16]

    /// - Parameter weights: At least one; each at least 1. What is less than a 65 535th of the heaviest counts as that.
    init(_ weights: [UInt32]) {
        let heaviest = Double(weights.max() ?? 1)
        self.weights = weights.map { UInt16(max(1, (Double($0) / heaviest * Double(Self.most)).rounded())) }
    }

    /// The entry whose turn it is.
    /// - Parameter next: Counts; called at most once for each entry.
    func entry(_ next: () -> UInt64) -> Int {
        let count = UInt64(weights.count)
        while true {
            let (generation, position) = next().quotientAndRemainder(dividingBy: count)
            let index = Int(position)
            let weight = UInt64(weights[index])
            // Half a stride apart, so that neighbours of one weight do not take their turns in the same generations.
            let passed = (weight &* generation &+ position &* (Self.most / 2)) % Self.most
            if passed >= Self.most - weight { return index }
        }
    }
}
