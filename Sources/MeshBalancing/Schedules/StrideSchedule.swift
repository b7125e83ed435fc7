// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Whose turn it is among weighted entries, from nothing but a counter: gRPC's static stride scheduler (gRFC A58).
///
/// The counter runs over the entries again and again; in each generation an entry's turn is taken or passed over, so that it
/// has been taken in proportion to its weight at any time. The heaviest entry never passes, which bounds a pick by the number of
/// entries; it takes as many looks as the heaviest weight is above the average.
struct StrideSchedule: Sendable {
    /// What the heaviest entry weighs.
    static let most: UInt64 = 65_535

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
            let weight = UInt64(weights[Int(position)])
            if Self.takesTurn(weight, at: position, in: generation) { return Int(position) }
        }
    }

    /// Whether an entry of a weight up to `most` takes its turn in a generation.
    @inline(__always)
    static func takesTurn(_ weight: UInt64, at position: UInt64, in generation: UInt64) -> Bool {
        // Half a stride apart, so that neighbours of one weight do not take their turns in the same generations.
        (weight &* generation &+ position &* (most / 2)) % most >= most - weight
    }
}
