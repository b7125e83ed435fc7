// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Each endpoint in its turn, from a random start (`envoy.config.cluster.v3.Cluster.LbPolicy.ROUND_ROBIN`).
public struct RoundRobin: LoadBalancingPolicy {
    /// Creates the policy.
    public init() {}

    /// The policy's name.
    public var name: String { "round_robin" }

    /// Makes a picker.
    public func makePicker(_ endpoints: [EndpointState], random: MeshRandom) -> any EndpointPicker {
        RoundRobinPicker(endpoints, random: random)
    }
}
