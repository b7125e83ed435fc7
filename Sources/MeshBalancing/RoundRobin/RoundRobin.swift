// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Each endpoint in its turn, from a random start (`envoy.config.cluster.v3.Cluster.LbPolicy.ROUND_ROBIN`).
public struct RoundRobin: LoadBalancingPolicy {
    /// How new endpoints get their part; `nil` for all of it at once.
    ///
    /// Default `nil`, as in Envoy.
    public var slowStart: SlowStart?

    /// Creates the policy.
    public init(slowStart: SlowStart? = nil) {
        self.slowStart = slowStart
    }

    /// The policy's name.
    public var name: String { "round_robin" }

    /// The name and the settings in words.
    public var summary: String { slowStart.map { "\(name), \($0.summary)" } ?? name }

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        slowStart?.validate(&problems)
        try problems.throwIfAny()
    }

    /// Makes a picker.
    public func makePicker(_ endpoints: [EndpointState], random: MeshRandom) -> any EndpointPicker {
        guard let slowStart else { return RoundRobinPicker(endpoints, random: random) }
        return ChangingWeightsPicker(endpoints, bias: 0, slowStart: slowStart, random: random)
    }
}
