// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// An endpoint drawn at random, whatever the weights (`envoy.extensions.load_balancing_policies.random.v3.Random`).
///
/// It keeps nothing between requests, so that many processes do not come to walk in step.
public struct RandomChoice: LoadBalancingPolicy {
    /// Creates the policy.
    public init() {}

    /// The policy's name.
    public var name: String { "random" }

    /// Makes a picker.
    public func makePicker(_ endpoints: [EndpointState], random: MeshRandom) -> any EndpointPicker {
        RandomPicker(endpoints, random: random)
    }
}

/// Draws an endpoint, and the next ones that may be used where that may not.
final class RandomPicker: EndpointPicker {
    private let endpoints: [EndpointState]
    /// The same, borrowed: to look at a candidate counts no reference.
    private let candidates: [Unmanaged<EndpointState>]
    private let random: MeshRandom

    init(_ endpoints: [EndpointState], random: MeshRandom) {
        self.endpoints = endpoints
        self.candidates = endpoints.map { .passUnretained($0) }
        self.random = random
    }

    func pick(for request: borrowing PickRequest) -> EndpointState? {
        guard !endpoints.isEmpty else { return nil }
        // Another draw, and not the neighbour, whose share would double.
        for _ in 0..<8 {
            let position = Int(random.below(UInt64(endpoints.count)))
            if candidates[position]._withUnsafeGuaranteedRef({ $0.suits(request) }) { return endpoints[position] }
        }
        return endpoints.firstUsable(from: Int(random.below(UInt64(endpoints.count))), for: request)
    }
}
