// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// One of the goals, as a ratio that was measured in pairs.
struct Comparison: Sendable {
    let goal: String
    let subject: String
    let bound: Double
    let pairs: [Double]

    /// What counts: a pair that something disturbed does not move it.
    var median: Double { Sampler.median(pairs) }

    /// The goal, its verdict, and each pair.
    var lines: String {
        let verdict = median <= bound ? "met" : "MISSED"
        let heading =
            goal.padded(4) + subject.padded(64) + median.text(3).padded(8) + "goal \(bound.text(2))  \(verdict)"
        return heading + "\n    pairs: " + pairs.map { $0.text(3) }.joined(separator: " ")
    }
}
