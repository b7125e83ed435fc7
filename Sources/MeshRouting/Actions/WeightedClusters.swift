// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// The clusters that a route splits its traffic over (`envoy.config.route.v3.WeightedCluster`).
public struct WeightedClusters: Hashable, Sendable {
    /// By what number a share is chosen.
    public enum Choice: Hashable, Sendable {
        /// By the request's random number.
        case random
        /// By the number in this header, up to 2⁶⁴−1, where the request has it and it is one; else by the random number.
        case header(HeaderName)
        /// By the hash of the route's hash policies where they give one; else by the random number.
        case hash
    }

    /// The shares, in order.
    public let shares: [WeightedCluster]
    /// By what number a share is chosen.
    public let choice: Choice
    /// Where the runtime has other weights: under this, a dot and the cluster's name. Empty for nowhere
    /// (`runtime_key_prefix`).
    public let runtimeKeyPrefix: String
    private let cumulative: [UInt64]

    /// Creates a split.
    /// - Throws: `ConfigurationError` if there is no cluster, the weights sum to zero or to more than 2³²−1, or a
    ///   cluster has no name.
    public init(
        _ shares: [WeightedCluster],
        choice: Choice = .random,
        runtimeKeyPrefix: String = ""
    ) throws(ConfigurationError) {
        var problems = ProblemCollector()
        problems.require(!shares.isEmpty, "clusters", "at least one cluster is needed")
        var sum: UInt64 = 0
        var cumulative: [UInt64] = []
        for (position, share) in shares.enumerated() {
            problems.require(
                share.cluster.isEmpty == (share.clusterHeader != nil),
                "clusters[\(position)].name",
                "either a name or the header that has it is needed, and not both"
            )
            sum += UInt64(share.weight)
            cumulative.append(sum)
        }
        problems.require(shares.isEmpty || sum > 0, "clusters", "the weights sum to 0; the sum must be at least 1")
        problems.require(
            sum <= UInt64(UInt32.max),
            "clusters",
            "the weights sum to \(sum), above the bound of 4294967295"
        )
        try problems.throwIfAny()
        self.shares = shares
        self.choice = choice
        self.runtimeKeyPrefix = runtimeKeyPrefix
        self.cumulative = cumulative
    }

    /// A route to one cluster.
    public init(single cluster: String) {
        self.shares = [WeightedCluster(cluster)]
        self.choice = .random
        self.runtimeKeyPrefix = ""
        self.cumulative = [1]
    }

    /// The position of the cluster that a random number selects: `random % sum`, as Envoy draws it.
    /// - Complexity: O(number of clusters).
    public func position(for random: UInt64) -> Int {
        guard shares.count > 1 else { return 0 }
        let point = random % cumulative[cumulative.count - 1]
        // The last cumulative weight is above every point.
        return cumulative.firstIndex { $0 > point } ?? shares.count - 1
    }

    /// The cluster that a random number selects.
    public func cluster(for random: UInt64) -> String {
        shares[position(for: random)].cluster
    }
}
