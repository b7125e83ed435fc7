// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
public import MeshResilience
public import MeshRouting

/// The routes of some hosts (`envoy.config.route.v3.RouteConfiguration`).
public struct RouteConfiguration: Hashable, Sendable {
    /// Its name, by which listeners refer to it.
    public var name: String
    /// The virtual hosts; a domain belongs to one of them only.
    public var virtualHosts: [VirtualHost]

    /// Creates a route configuration.
    public init(name: String, virtualHosts: [VirtualHost]) {
        self.name = name
        self.virtualHosts = virtualHosts
    }
}

/// The routes of one host under all its names (`envoy.config.route.v3.VirtualHost`).
public struct VirtualHost: Hashable, Sendable {
    /// Its name.
    public var name: String
    /// Its domains.
    public var domains: [DomainPattern]
    /// Its routes; the first that matches wins.
    public var routes: [Route]

    /// Creates a virtual host.
    public init(name: String, domains: [DomainPattern], routes: [Route]) {
        self.name = name
        self.domains = domains
        self.routes = routes
    }
}

/// One route: conditions, and what happens to requests that meet them (`envoy.config.route.v3.Route`).
public struct Route: Hashable, Sendable {
    /// Its name, for logs, metrics and `explain`.
    public var name: String
    /// Its conditions.
    public var match: RouteMatch
    /// What happens.
    public var action: RouteAction
    /// Faults to inject; they take precedence over those of the listener.
    public var fault: FaultConfiguration?
    /// A rate limit of this route, counted in each process.
    public var rateLimit: RateLimitConfiguration?
    /// What else stands on the route; it takes precedence over the cluster's.
    public var policies: TrafficPolicies

    /// Creates a route.
    public init(
        name: String = "",
        match: RouteMatch = RouteMatch(),
        action: RouteAction,
        fault: FaultConfiguration? = nil,
        rateLimit: RateLimitConfiguration? = nil,
        policies: TrafficPolicies = .none
    ) {
        self.name = name
        self.match = match
        self.action = action
        self.fault = fault
        self.rateLimit = rateLimit
        self.policies = policies
    }
}

/// What happens to a request (`envoy.config.route.v3.Route.action`).
public enum RouteAction: Hashable, Sendable {
    /// It is sent to a cluster.
    case forward(Forward)
    /// The mesh answers it.
    case directResponse(LocalReply)
    /// It goes to the handler of the server that the listener belongs to.
    case nonForwarding

    /// How a request is sent on (`envoy.config.route.v3.RouteAction`).
    public struct Forward: Hashable, Sendable {
        /// The clusters that share the traffic.
        public var clusters: WeightedClusters
        /// How long the request may take, all attempts and the body included; `nil` leaves the caller's deadline.
        ///
        /// Istio's `timeout` is off by default; Envoy's is 15 s, which its control planes overwrite.
        public var timeout: Nanoseconds?
        /// When a failed attempt is followed by another; `nil` for never.
        public var retry: RetryPolicy?

        /// Faults for what goes to one of the clusters, by its name; they take precedence over the route's
        /// (`WeightedCluster.ClusterWeight.typed_per_filter_config`).
        public var clusterFaults: [String: FaultConfiguration]

        /// Creates a forwarding action.
        public init(
            clusters: WeightedClusters,
            timeout: Nanoseconds? = nil,
            retry: RetryPolicy? = nil,
            clusterFaults: [String: FaultConfiguration] = [:]
        ) {
            self.clusters = clusters
            self.timeout = timeout
            self.retry = retry
            self.clusterFaults = clusterFaults
        }
    }
}
