// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// The endpoint whose place on a ring of hashes comes next behind the request's own
/// (`envoy.extensions.load_balancing_policies.ring_hash.v3.RingHash`, gRFC A42).
///
/// Requests with one hash go to one endpoint; where endpoints come and go, only their share of the hashes moves. A request
/// without a hash is given one at random.
public struct RingHash: LoadBalancingPolicy {
    /// The most places that any ring may have: Envoy's bound of `maximum_ring_size`.
    public static let greatestSize: UInt64 = 8_388_608

    /// The fewest places on the ring; 1 to `maximumSize`.
    ///
    /// Default 1024: Envoy's `minimum_ring_size`. The least of the endpoints gets a whole number of places.
    public var minimumSize: UInt64
    /// The most places on the ring; 1 to 8388608.
    ///
    /// Default 8388608: Envoy's `maximum_ring_size`. Each place takes 12 to 20 bytes.
    public var maximumSize: UInt64
    /// What places are hashed with.
    ///
    /// Default XXH64: Envoy's `hash_function`.
    public var function: HashFunction
    /// By what endpoints are known.
    ///
    /// Default their address: Envoy's `use_hostname_for_hashing` is `false`.
    public var key: HashKey
    /// The most that an endpoint may have to do, in percent of the average by its weight, before others are asked; at least
    /// 100. `nil` for no bound.
    ///
    /// Default none: Envoy's `hash_balance_factor`.
    public var balanceFactor: UInt32?

    /// Creates the policy.
    public init(
        minimumSize: UInt64 = 1024,
        maximumSize: UInt64 = RingHash.greatestSize,
        function: HashFunction = .xxHash,
        key: HashKey = .address,
        balanceFactor: UInt32? = nil
    ) {
        self.minimumSize = minimumSize
        self.maximumSize = maximumSize
        self.function = function
        self.key = key
        self.balanceFactor = balanceFactor
    }

    /// The policy's name.
    public var name: String { "ring_hash" }

    /// A ring of thousands of places is sorted.
    public var makesTables: Bool { true }

    /// The name and the settings in words.
    public var summary: String {
        let function = function == .xxHash ? "XXH64" : "MurmurHash2"
        return "\(name): \(minimumSize) to \(maximumSize) places by \(function)"
            + HashKey.summary(key, balanceFactor: balanceFactor)
    }

    /// Whether requests with one hash go to one endpoint.
    public var picksByHash: Bool { true }

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        problems.require(
            (1...Self.greatestSize).contains(maximumSize),
            "maximumSize",
            "must be from 1 to \(Self.greatestSize), is \(maximumSize)"
        )
        problems.require(
            (1...max(maximumSize, 1)).contains(minimumSize),
            "minimumSize",
            "must be from 1 to the maximum of \(maximumSize), is \(minimumSize)"
        )
        problems.require(balanceFactor ?? 100 >= 100, "balanceFactor", "must be at least 100, is \(balanceFactor ?? 0)")
        try problems.throwIfAny()
    }

    /// Makes a picker.
    /// - Complexity: O(places × log places).
    public func makePicker(_ endpoints: [EndpointState], random: MeshRandom) -> any EndpointPicker {
        makePicker(endpoints, NormalizedWeights(endpoints), random: random)
    }

    /// Makes a picker over endpoints of several places.
    public func makePicker(
        _ endpoints: [EndpointState],
        shares: [Double],
        random: MeshRandom
    ) -> any EndpointPicker {
        makePicker(endpoints, NormalizedWeights(shares: shares), random: random)
    }

    private func makePicker(
        _ endpoints: [EndpointState],
        _ weights: NormalizedWeights,
        random: MeshRandom
    ) -> any EndpointPicker {
        let ring = HashRing(
            keys: endpoints.map { key.text(of: $0) },
            weights,
            // What was not validated is held in its bounds all the same.
            minimumSize: min(max(minimumSize, 1), Self.greatestSize),
            maximumSize: min(max(maximumSize, 1), Self.greatestSize),
            function: function
        )
        return RingHashPicker(
            HashedChoice(ring, endpoints, BoundedLoad(factor: balanceFactor, weights), random: random)
        )
    }
}
