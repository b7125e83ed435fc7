// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// The less busy of some endpoints drawn at random (`Cluster.LeastRequestLbConfig`).
public struct LeastRequest: LoadBalancingPolicy {
    /// How many endpoints are drawn; 2 to 100.
    ///
    /// Default 2: Envoy's `choice_count`.
    public var choiceCount: Int

    /// Creates the policy.
    public init(choiceCount: Int = 2) {
        self.choiceCount = choiceCount
    }

    /// The policy's name.
    public var name: String { "least_request" }

    /// Makes a picker.
    public func makePicker(_ endpoints: [EndpointState], random: MeshRandom) -> any EndpointPicker {
        LeastRequestPicker(endpoints, choiceCount: choiceCount, random: random)
    }
}
