// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
public import MeshResilience
public import MeshRouting

/// Rate limits that this process counts by itself, by what requests are counted under
/// (`envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit`).
public struct LocalRateLimitFilter: Hashable, Sendable {
    /// The buckets, and what a refusal is like.
    public var limit: LocalRateLimitConfiguration
    /// What requests are counted under, in place of what routes and virtual hosts say; empty leaves that. It knows no
    /// stages and no keys.
    public var rateLimits: [RouteRateLimit]
    /// Which of the routes' limits it heeds, 0 to 10.
    public var stage: Int
    /// What becomes of a virtual host's limits where a route has its own.
    public var hostLimits: HostRateLimits
    /// The share of requests that take tokens at all.
    ///
    /// Default none: `filter_enabled`.
    public var enabled: RuntimeFraction
    /// The share of requests above the limit that are refused.
    ///
    /// Default none: `filter_enforced`.
    public var enforced: RuntimeFraction
    /// Fields that a refusal gets.
    public var responseAdditions: [HeaderAddition]
    /// Fields that a request gets which is above the limit and goes on all the same.
    public var requestAdditions: [HeaderAddition]

    /// Creates a filter.
    public init(
        _ limit: LocalRateLimitConfiguration,
        rateLimits: [RouteRateLimit] = [],
        stage: Int = 0,
        hostLimits: HostRateLimits = .override,
        enabled: RuntimeFraction = RuntimeFraction(.none),
        enforced: RuntimeFraction = RuntimeFraction(.none),
        responseAdditions: [HeaderAddition] = [],
        requestAdditions: [HeaderAddition] = []
    ) {
        self.limit = limit
        self.rateLimits = rateLimits
        self.stage = stage
        self.hostLimits = hostLimits
        self.enabled = enabled
        self.enforced = enforced
        self.responseAdditions = responseAdditions
        self.requestAdditions = requestAdditions
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

extension ProblemCollector {
    /// Checks the limits of a filter itself, which has no others to choose from.
    mutating func check(embedded limits: [RouteRateLimit]) {
        check(limits)
        for (position, limit) in limits.enumerated() {
            let path = "rateLimits[\(position)]"
            require(limit.stage == 0, path + ".stage", "means nothing in a filter's own limits")
            require(limit.disableKey.isEmpty, path + ".disableKey", "means nothing in a filter's own limits")
        }
    }

    /// Checks the limits of a route, a virtual host or a filter.
    mutating func check(_ limits: [RouteRateLimit]) {
        for (position, limit) in limits.enumerated() {
            _ = nest("rateLimits[\(position)]") { () throws(ConfigurationError) in try limit.validate() }
        }
    }
}
