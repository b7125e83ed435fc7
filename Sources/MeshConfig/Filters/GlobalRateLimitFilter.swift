// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
public import MeshResilience
public import MeshRouting

/// Rate limits that a service counts for a whole fleet (`envoy.extensions.filters.http.ratelimit.v3.RateLimit`).
public struct GlobalRateLimitFilter: Hashable, Sendable {
    /// Whose requests are counted (`RateLimit.request_type`).
    public enum Requests: String, Hashable, Sendable, CaseIterable {
        /// All.
        case both
        /// Those that say in `x-envoy-internal` that they come from inside the mesh.
        case `internal`
        /// The others.
        case external
    }

    /// How the service is asked, and what its answers mean.
    public var limit: GlobalRateLimitConfiguration
    /// What requests are counted under, in place of what routes and virtual hosts say; empty leaves that. It knows no
    /// stages and no keys.
    public var rateLimits: [RouteRateLimit]
    /// Which of the routes' limits it heeds, 0 to 10.
    public var stage: Int
    /// Whose requests are counted. Default: all.
    public var requests: Requests
    /// The share of requests that the service is asked about. Default: all (`filter_enabled`).
    public var enabled: RuntimeFraction
    /// The share of requests above the limit that are refused. Default: all (`filter_enforced`).
    public var enforced: RuntimeFraction
    /// The share of requests that are refused while the service cannot be asked; `nil` for what `limit` says
    /// (`failure_mode_deny_percent`).
    public var refusedOnFailure: RuntimeFraction?
    /// Fields that a refusal gets.
    public var responseAdditions: [HeaderAddition]

    /// Creates a filter.
    public init(
        _ limit: GlobalRateLimitConfiguration,
        rateLimits: [RouteRateLimit] = [],
        stage: Int = 0,
        requests: Requests = .both,
        enabled: RuntimeFraction = RuntimeFraction(.all, key: "ratelimit.http_filter_enabled"),
        enforced: RuntimeFraction = RuntimeFraction(.all, key: "ratelimit.http_filter_enforcing"),
        refusedOnFailure: RuntimeFraction? = nil,
        responseAdditions: [HeaderAddition] = []
    ) {
        self.limit = limit
        self.rateLimits = rateLimits
        self.stage = stage
        self.requests = requests
        self.enabled = enabled
        self.enforced = enforced
        self.refusedOnFailure = refusedOnFailure
        self.responseAdditions = responseAdditions
    }

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        _ = problems.nest("") { () throws(ConfigurationError) in try limit.validate() }
        problems.require((0...10).contains(stage), "stage", "must be from 0 to 10, is \(stage)")
        problems.check(embedded: rateLimits)
        try problems.throwIfAny()
    }
}

/// What a route, a virtual host or a table says of a listener's global rate limit (`RateLimitPerRoute`).
public struct GlobalRateLimitOverride: Hashable, Sendable {
    /// What becomes of a virtual host's limits where a route has its own.
    public var hostLimits: HostRateLimits
    /// What requests are counted under, in place of everything else; empty leaves that.
    public var rateLimits: [RouteRateLimit]
    /// Whose limits they are; empty for what the listener says.
    public var domain: String

    /// Creates an override.
    public init(hostLimits: HostRateLimits = .override, rateLimits: [RouteRateLimit] = [], domain: String = "") {
        self.hostLimits = hostLimits
        self.rateLimits = rateLimits
        self.domain = domain
    }

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        problems.check(embedded: rateLimits)
        try problems.throwIfAny()
    }
}
