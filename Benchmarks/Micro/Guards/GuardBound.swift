// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// What one benchmark may need, net of what it stands around.
struct GuardBound: Sendable {
    /// The benchmark's name.
    let name: String
    /// The instructions that are the goal; `nil` where none was set.
    let goal: Double?
    /// The instructions when the bound was set; `nil` where they depend on which of two tasks comes first.
    let instructions: Double?
    /// The heap allocations. They are no matter of the toolchain: one more or less is a violation.
    let allocations: Double

    init(_ name: String, goal: Double?, _ instructions: Double?, allocations: Double = 0) {
        self.name = name
        self.goal = goal
        self.instructions = instructions
        self.allocations = allocations
    }

    /// The goal where it is met, whatever is left to it; otherwise what was measured, and a little for the toolchain.
    var bound: Double? {
        instructions.map { max($0 * (1 + Guard.tolerance), goal ?? 0) }
    }

    func violations(net: Double, allocations own: Double) -> [String] {
        var violations: [String] = []
        if let bound, net > bound {
            violations.append("\(name): \(net.text(0)) instructions, the bound is \(bound.text(0))")
        }
        // Tables and queues that grow now and then make fractions; which of two tasks comes first makes one or two more.
        let tolerance = instructions == nil ? 0.15 : 0.05
        if abs(own - allocations) > max(0.25, allocations * tolerance) {
            violations.append("\(name): \(own.text(2)) allocations, stated are \(allocations.text(0))")
        }
        return violations
    }

    func line(net: Double, allocations own: Double) -> String {
        let missed = goal.map { net > $0 } ?? false
        return name.padded(40) + net.text(0).padded(11) + (goal?.text(0) ?? "").padded(7)
            + (bound?.text(0) ?? "").padded(9) + own.text(2).padded(9) + allocations.text(0)
            + (missed ? "   misses its goal" : "")
    }
}
