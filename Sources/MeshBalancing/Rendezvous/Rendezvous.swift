// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// The endpoint with the highest score for the request's hash, of all (rendezvous hashing, also called highest random weight;
/// Thaler and Ravishankar, 1998).
///
/// Requests with one hash go to one endpoint, shares are exactly the weights, nothing is built, and when an endpoint goes, or may
/// not be used, its hashes alone move, each to another one. The price is O(n) a pick: for some dozens of endpoints. A request
/// without a hash is given one at random.
public struct Rendezvous: LoadBalancingPolicy {
    /// By what endpoints are known. Default their address.
    public var key: HashKey

    /// Creates the policy.
    public init(key: HashKey = .address) {
        self.key = key
    }

    /// The policy's name.
    public var name: String { "rendezvous_hash" }

    /// The name and the settings in words.
    public var summary: String { name + HashKey.summary(key, balanceFactor: nil) }

    /// Whether requests with one hash go to one endpoint.
    public var picksByHash: Bool { true }

    /// Makes a picker.
    public func makePicker(_ endpoints: [EndpointState], random: MeshRandom) -> any EndpointPicker {
        makePicker(endpoints, shares: NormalizedWeights(endpoints).shares, random: random)
    }

    /// Makes a picker over endpoints of several places.
    public func makePicker(
        _ endpoints: [EndpointState],
        shares: [Double],
        random: MeshRandom
    ) -> any EndpointPicker {
        let seeds = endpoints.map { XXH64.hash(key.text(of: $0)) }
        return RendezvousPicker(endpoints, seeds: seeds, shares: shares, random: random)
    }
}
