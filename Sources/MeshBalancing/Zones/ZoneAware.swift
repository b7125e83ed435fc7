// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// How the localities of a priority share its traffic.
public enum LocalityBalancing: Hashable, Sendable {
    /// By their weights where all of them have one, else as if they were one place
    /// (`envoy.config.cluster.v3.Cluster.CommonLbConfig.LocalityWeightedLbConfig`, and what gRPC does: gRFC A27).
    case weighted
    /// As if they were one place, whatever their weights.
    case unweighted
    /// The own one first, as far as it has room (`ZoneAwareLbConfig`).
    ///
    /// It holds for the best priority only, and not for policies that pick by a hash, as in Envoy.
    case zoneAware(ZoneAware)
}

/// Keeps requests in the zone that they come from, as far as the upstream's endpoints there can take what this cluster's
/// instances there send (Envoy's zone-aware routing).
///
/// Two things must be known besides: where this process is, and how the instances of its own cluster are spread
/// (`OwnZone`); without them nothing is kept anywhere.
public struct ZoneAware: Hashable, Sendable {
    /// What counts how much an endpoint can take.
    public enum Basis: Hashable, Sendable {
        /// Each healthy endpoint the same.
        case endpoints
        /// Each healthy endpoint as its weight says.
        case weights
    }

    /// The share of requests that heed zones, in percent, at most 100.
    ///
    /// Default 100: Envoy's `routing_enabled`.
    public var enabledPercent: UInt32
    /// How many healthy endpoints the upstream must have for zones to be heeded.
    ///
    /// Default 6: Envoy's `min_cluster_size`.
    public var minimumClusterSize: UInt64
    /// Whether requests fail where otherwise endpoints that are not well would be used.
    ///
    /// Default `false`: Envoy's `fail_traffic_on_panic`.
    public var failsTrafficOnPanic: Bool
    /// From how many healthy endpoints on the own zone gets all requests, whatever they amount to; `nil` for never.
    ///
    /// Default `nil`: Envoy's `force_local_zone`, whose `min_size` is 1.
    public var forcedLocalZoneSize: UInt32?
    /// What counts how much a zone can take. Default `endpoints`: Envoy's `locality_basis`.
    public var basis: Basis

    /// Creates settings.
    public init(
        enabledPercent: UInt32 = 100,
        minimumClusterSize: UInt64 = 6,
        failsTrafficOnPanic: Bool = false,
        forcedLocalZoneSize: UInt32? = nil,
        basis: Basis = .endpoints
    ) {
        self.enabledPercent = enabledPercent
        self.minimumClusterSize = minimumClusterSize
        self.failsTrafficOnPanic = failsTrafficOnPanic
        self.forcedLocalZoneSize = forcedLocalZoneSize
        self.basis = basis
    }

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        problems.require(enabledPercent <= 100, "enabledPercent", "must be at most 100, is \(enabledPercent)")
        problems.require(forcedLocalZoneSize != 0, "forcedLocalZoneSize", "must be at least 1")
        try problems.throwIfAny()
    }
}

/// Where this process is, and how the instances of its cluster are spread.
public struct OwnZone: Hashable, Sendable {
    /// The instances of one place.
    public struct Population: Hashable, Sendable {
        /// How many there are.
        public var total: Int
        /// How many of them are healthy or degraded.
        public var usable: Int
        /// How many of them are healthy, or what their weights sum to.
        public var strength: UInt64

        /// Describes a place.
        public init(total: Int, usable: Int, strength: UInt64) {
            self.total = total
            self.usable = usable
            self.strength = strength
        }
    }

    /// Where this process is.
    public var locality: Locality
    /// The instances of its cluster, this one among them.
    public var populations: [Locality: Population]

    /// Describes a process.
    public init(_ locality: Locality, populations: [Locality: Population]) {
        self.locality = locality
        self.populations = populations
    }

    /// Whether too few of the own cluster's instances are well to conclude anything from where they are.
    func isInPanic(below threshold: UInt32) -> Bool {
        let total = populations.values.reduce(0) { $0 + $1.total }
        let usable = populations.values.reduce(0) { $0 + $1.usable }
        return total == 0 ? threshold > 0 : 100 * usable < Int(min(threshold, 100)) * total
    }
}
