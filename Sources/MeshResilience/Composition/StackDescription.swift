// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// The policies that a call passes in fact, the outermost first, with the source of every value.
public struct StackDescription: Hashable, Sendable, CustomStringConvertible {
    /// The policies, the outermost first.
    public var policies: [PolicyDescription]

    /// Creates a description.
    public init(_ policies: [PolicyDescription]) {
        self.policies = policies
    }

    /// What is wrong with the order.
    public var problems: [PolicyOrder.Problem] {
        PolicyOrder.problems(in: policies.map(\.slot))
    }

    /// For people: a line for each policy, and one for each problem.
    public var description: String {
        let lines = policies.enumerated().map { "\($0.offset + 1). \($0.element)" }
        return (lines + problems.map { "! \($0)" }).joined(separator: "\n")
    }
}
