// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
public import MeshRouting

/// The routes of one host under all its names (`envoy.config.route.v3.VirtualHost`).
public struct VirtualHost: Hashable, Sendable {
    /// Its name.
    public var name: String
    /// Its domains.
    public var domains: [DomainPattern]
    /// Its routes; the first that matches wins. Empty where `matcher` decides.
    public var routes: [Route]
    /// A tree of conditions that chooses the route, in place of a list (`VirtualHost.matcher`); `nil` for the list.
    public var matcher: MatcherTree<RouteList>?
    /// Which requests must come by TLS; others are redirected to `https`.
    public var requiredTLS: RequiredTLS
    /// Names for requests that look alike, for statistics; the first that fits counts.
    public var virtualClusters: [VirtualCluster]
    /// What headers its requests and responses gain and lose.
    public var headers: HeaderMutations
    /// Whether each attempt says which one it is, in `x-envoy-attempt-count`. Default `false`.
    public var sendsAttemptCount: Bool
    /// Whether responses say how many attempts there were, in `x-envoy-attempt-count`. Default `false`.
    public var answersAttemptCount: Bool
    /// Whether an attempt that follows one which took too long says so, in `x-envoy-is-timeout-retry`. Default `false`.
    public var sendsTimeoutRetry: Bool
    /// Copies of the requests of routes that say nothing of copies themselves.
    public var mirrors: [RequestMirror]
    /// What requests of its routes are counted under by rate limits.
    public var rateLimits: [RouteRateLimit]
    /// What it says of the listener's further filters.
    @Boxed public var filters: FilterOverrides

    /// Which requests must come by TLS (`VirtualHost.require_tls`).
    public enum RequiredTLS: Hashable, Sendable {
        /// None.
        case none
        /// Those of callers outside the mesh.
        case external
        /// All.
        case all
    }

    /// Routes of which the first that matches wins, where a tree leads to them.
    public struct RouteList: Hashable, Sendable {
        /// The routes, in order.
        public var routes: [Route]

        /// Creates a list.
        public init(_ routes: [Route]) {
            self.routes = routes
        }
    }

    /// Creates a virtual host.
    public init(
        name: String,
        domains: [DomainPattern],
        routes: [Route],
        matcher: MatcherTree<RouteList>? = nil,
        requiredTLS: RequiredTLS = .none,
        virtualClusters: [VirtualCluster] = [],
        headers: HeaderMutations = .none,
        sendsAttemptCount: Bool = false,
        answersAttemptCount: Bool = false,
        sendsTimeoutRetry: Bool = false,
        mirrors: [RequestMirror] = [],
        rateLimits: [RouteRateLimit] = [],
        filters: FilterOverrides = .none
    ) {
        self.name = name
        self.domains = domains
        self.routes = routes
        self.matcher = matcher
        self.requiredTLS = requiredTLS
        self.virtualClusters = virtualClusters
        self.headers = headers
        self.sendsAttemptCount = sendsAttemptCount
        self.answersAttemptCount = answersAttemptCount
        self.sendsTimeoutRetry = sendsTimeoutRetry
        self.mirrors = mirrors
        self.rateLimits = rateLimits
        self.filters = filters
    }
}
