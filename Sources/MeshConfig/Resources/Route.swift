// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
public import MeshResilience
public import MeshRouting

/// One route: conditions, and what happens to requests that meet them (`envoy.config.route.v3.Route`).
public struct Route: Hashable, Sendable {
    /// Its name, for logs, metrics and `explain`.
    public var name: String
    /// Its conditions.
    public var match: RouteMatch
    /// What happens.
    public var action: RouteAction
    /// Faults to inject; they take precedence over those of the listener.
    @Boxed public var fault: FaultConfiguration?
    /// A rate limit of this route, counted in each process.
    public var rateLimit: RateLimitConfiguration?
    /// What else stands on the route; it takes precedence over the cluster's.
    @Boxed public var policies: TrafficPolicies
    /// What headers its requests and responses gain and lose.
    public var headers: HeaderMutations
    /// Which pages of other origins may use it; takes precedence over the listener's.
    @Boxed public var cors: CORSPolicy?
    /// What it says of the listener's further filters.
    @Boxed public var filters: FilterOverrides

    /// Creates a route.
    public init(
        name: String = "",
        match: RouteMatch = RouteMatch(),
        action: RouteAction,
        fault: FaultConfiguration? = nil,
        rateLimit: RateLimitConfiguration? = nil,
        policies: TrafficPolicies = .none,
        headers: HeaderMutations = .none,
        cors: CORSPolicy? = nil,
        filters: FilterOverrides = .none
    ) {
        self.name = name
        self.match = match
        self.action = action
        self.fault = fault
        self.rateLimit = rateLimit
        self.policies = policies
        self.headers = headers
        self.cors = cors
        self.filters = filters
    }
}
