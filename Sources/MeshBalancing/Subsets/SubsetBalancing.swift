// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Groups of a cluster's endpoints by their labels, of which routes name one (`envoy.config.cluster.v3.Cluster.LbSubsetConfig`).
///
/// A route's criteria are labels with values. Which groups there are is said by the keys of selectors: criteria lead to a
/// group only if a selector has just their keys.
public struct SubsetBalancing: Hashable, Sendable {
    /// Where a request goes whose criteria lead to no endpoint.
    public enum Fallback: Hashable, Sendable {
        /// Nowhere: it fails.
        case none
        /// To any endpoint of the cluster.
        case anyEndpoint
        /// To those of the default subset.
        case defaultSubset
    }

    /// The keys that make one kind of group.
    public struct Selector: Hashable, Sendable {
        /// Where a request goes whose criteria have the selector's keys and lead to no endpoint.
        public enum Fallback: Hashable, Sendable {
            /// Where all requests go that find nothing.
            case ofCluster
            /// Nowhere: it fails.
            case none
            /// To any endpoint of the cluster.
            case anyEndpoint
            /// To those of the default subset.
            case defaultSubset
            /// To the group that the criteria lead to with these keys only, some of the selector's.
            case keys(Set<String>)
        }

        /// The keys; at least one.
        public var keys: Set<String>
        /// Default `ofCluster`: Envoy's `NOT_DEFINED`.
        public var fallback: Fallback
        /// Whether each group has one endpoint only, the first one, which is used whatever its health. Default `false`.
        public var hasSingleEndpoint: Bool

        /// Creates a selector.
        public init(keys: Set<String>, fallback: Fallback = .ofCluster, hasSingleEndpoint: Bool = false) {
            self.keys = keys
            self.fallback = fallback
            self.hasSingleEndpoint = hasSingleEndpoint
        }
    }

    /// The kinds of groups.
    public var selectors: [Selector]
    /// Default `none`: Envoy's `NO_FALLBACK`.
    public var fallback: Fallback
    /// The labels of the default subset; without any it has all endpoints.
    public var defaultSubset: [String: MetadataValue]
    /// Whether weights of localities count within groups. Default `false`, as in Envoy.
    public var heedsLocalityWeights: Bool
    /// Whether a locality's weight shrinks with the share of its endpoints that is in the group. Default `false`, as in
    /// Envoy.
    public var scalesLocalityWeights: Bool
    /// Whether any endpoint is used where the cluster's fallback finds none. Default `false`, as in Envoy.
    public var panicUsesAnyEndpoint: Bool
    /// Whether an endpoint with a list for a label belongs to the group of each of its values. Default `false`, as in Envoy.
    public var readsListsAsAny: Bool
    /// Whether criteria may have more keys than a selector. Default `false`, as in Envoy.
    public var allowsRedundantKeys: Bool
    /// Whether the criterion `fallback_list` has further criteria, which are tried in turn (Envoy's `FALLBACK_LIST`).
    /// Default `false`, as in Envoy.
    public var readsFallbackLists: Bool

    /// Creates settings.
    public init(
        selectors: [Selector],
        fallback: Fallback = .none,
        defaultSubset: [String: MetadataValue] = [:],
        heedsLocalityWeights: Bool = false,
        scalesLocalityWeights: Bool = false,
        panicUsesAnyEndpoint: Bool = false,
        readsListsAsAny: Bool = false,
        allowsRedundantKeys: Bool = false,
        readsFallbackLists: Bool = false
    ) {
        self.selectors = selectors
        self.fallback = fallback
        self.defaultSubset = defaultSubset
        self.heedsLocalityWeights = heedsLocalityWeights
        self.scalesLocalityWeights = scalesLocalityWeights
        self.panicUsesAnyEndpoint = panicUsesAnyEndpoint
        self.readsListsAsAny = readsListsAsAny
        self.allowsRedundantKeys = allowsRedundantKeys
        self.readsFallbackLists = readsFallbackLists
    }

    /// Checks the bounds, which are Envoy's.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        for (number, selector) in selectors.enumerated() {
            let path = "selectors[\(number)]"
            problems.require(!selector.keys.isEmpty, path + ".keys", "is empty")
            guard case .keys(let keys) = selector.fallback else { continue }
            problems.require(
                !keys.isEmpty && keys.isStrictSubset(of: selector.keys),
                path + ".fallback",
                "must be some of the selector's keys, and not all of them"
            )
        }
        try problems.throwIfAny()
    }
}
