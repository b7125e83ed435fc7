// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// The endpoint that a table of fixed size has for the request's hash
/// (`envoy.extensions.load_balancing_policies.maglev.v3.Maglev`; section 3.4 of Google's paper on Maglev).
///
/// Requests with one hash go to one endpoint. It is picked faster than on a ring, and the endpoints' shares are more even;
/// where endpoints come and go, about twice as many hashes move. A request without a hash is given one at random.
public struct Maglev: LoadBalancingPolicy {
    /// The bound of the table's size: Envoy's of `table_size`.
    public static let greatestSize: UInt64 = 5_000_011

    /// How many hashes the table tells apart: a prime number from 2 to 5000011, far above the number of endpoints.
    ///
    /// Default 65537: Envoy's `table_size`. Each takes 4 bytes.
    public var tableSize: UInt64
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
    public init(tableSize: UInt64 = 65_537, key: HashKey = .address, balanceFactor: UInt32? = nil) {
        self.tableSize = tableSize
        self.key = key
        self.balanceFactor = balanceFactor
    }

    /// The policy's name.
    public var name: String { "maglev" }

    /// A table of thousands of places is filled.
    public var makesTables: Bool { true }

    /// The name and the settings in words.
    public var summary: String {
        "\(name): a table of \(tableSize)" + HashKey.summary(key, balanceFactor: balanceFactor)
    }

    /// Whether requests with one hash go to one endpoint.
    public var picksByHash: Bool { true }

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        problems.require(
            (2...Self.greatestSize).contains(tableSize) && tableSize.isPrime,
            "tableSize",
            "must be a prime number from 2 to \(Self.greatestSize), is \(tableSize)"
        )
        problems.require(balanceFactor ?? 100 >= 100, "balanceFactor", "must be at least 100, is \(balanceFactor ?? 0)")
        try problems.throwIfAny()
    }

    /// Makes a picker.
    /// - Complexity: O(table size), as far as it is well above the number of endpoints.
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
        // What was not validated has a table all the same.
        let size = (2...Self.greatestSize).contains(tableSize) && tableSize.isPrime ? tableSize : 65_537
        let table = MaglevTable(keys: endpoints.map { key.text(of: $0) }, weights, size: Int(size))
        return MaglevPicker(
            HashedChoice(table, endpoints, BoundedLoad(factor: balanceFactor, weights), random: random)
        )
    }
}

extension UInt64 {
    /// Whether it is a prime number, for numbers up to a few million.
    fileprivate var isPrime: Bool {
        guard self > 3 else { return self > 1 }
        return sequence(first: 2) { $0 + 1 }.prefix { $0 * $0 <= self }.allSatisfy { self % $0 != 0 }
    }
}
