// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
import MeshResilience
public import MeshRouting
public import MeshSecurity

/// What a place says of a listener's filter.
public enum FilterOverride<Settings: Hashable & Sendable>: Hashable, Sendable {
    /// It does nothing here (`FilterConfig.disabled`, and the `disabled` of some filters' own settings).
    case disabled
    /// It does this in place of what the listener, or a less specific place, says.
    case settings(Settings)
}

/// What a table, a virtual host, a route or a cluster's share says of its listener's filters (`typed_per_filter_config`).
///
/// The most specific place that says something counts: share, route, virtual host, table, and then the listener. Only
/// the changes of header fields are made of all places. A listener without the filter has none for its routes to
/// override. A route's `fault` and `rateLimit`, and a share's `clusterFaults`, are its overrides of those filters.
public struct FilterOverrides: Hashable, Sendable {
    /// Of the local rate limit; the place's own buckets.
    public var localRateLimit: FilterOverride<LocalRateLimitFilter>?
    /// Of the global rate limit.
    public var globalRateLimit: FilterOverride<GlobalRateLimitOverride>?
    /// Of the header mutation filter: further changes.
    public var headerMutation: FilterOverride<HeaderMutationRules>?
    /// Of the buffer limit.
    public var buffer: FilterOverride<BufferFilter>?
    /// Of stateful sessions.
    public var statefulSession: FilterOverride<StatefulSessionFilter>?
    /// Of authorization filters, by their names on the listener (`AuthorizationFilter.name`); the name is the key here, and
    /// that of the settings counts for nothing.
    public var authorization: [String: FilterOverride<AuthorizationFilter>]

    /// Of the JWT filter: the name of the requirement (`JWTFilter.requirements`) that holds here; requests are refused with
    /// 403 where the listener has none of that name, as in Envoy. Where it is switched off no tokens are asked for; what
    /// its providers write is taken out of requests all the same.
    public var jwt: FilterOverride<String>?

    /// Of external authorization: what the service is told here besides (`CheckSettings.context_extensions`).
    public var externalAuthorization: FilterOverride<[String: String]>?

    /// Creates overrides.
    public init(
        localRateLimit: FilterOverride<LocalRateLimitFilter>? = nil,
        globalRateLimit: FilterOverride<GlobalRateLimitOverride>? = nil,
        headerMutation: FilterOverride<HeaderMutationRules>? = nil,
        buffer: FilterOverride<BufferFilter>? = nil,
        statefulSession: FilterOverride<StatefulSessionFilter>? = nil,
        authorization: [String: FilterOverride<AuthorizationFilter>] = [:],
        jwt: FilterOverride<String>? = nil,
        externalAuthorization: FilterOverride<[String: String]>? = nil
    ) {
        self.localRateLimit = localRateLimit
        self.globalRateLimit = globalRateLimit
        self.headerMutation = headerMutation
        self.buffer = buffer
        self.statefulSession = statefulSession
        self.authorization = authorization
        self.jwt = jwt
        self.externalAuthorization = externalAuthorization
    }

    /// Nothing is said.
    public static let none = FilterOverrides()

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        if case .settings(let filter) = localRateLimit {
            _ = problems.nest("localRateLimit") { () throws(ConfigurationError) in try filter.validate() }
            problems.require(
                filter.limit.bucket != nil,
                "localRateLimit.bucket",
                "is needed where a place has limits of its own"
            )
        }
        if case .settings(let override) = globalRateLimit {
            _ = problems.nest("globalRateLimit") { () throws(ConfigurationError) in try override.validate() }
        }
        if case .settings(let rules) = headerMutation {
            _ = problems.nest("headerMutation") { () throws(ConfigurationError) in try rules.validate() }
        }
        if case .settings(let filter) = buffer {
            _ = problems.nest("buffer") { () throws(ConfigurationError) in try filter.validate() }
        }
        if case .settings(let filter) = statefulSession {
            _ = problems.nest("statefulSession") { () throws(ConfigurationError) in try filter.validate() }
        }
        if case .settings(let name) = jwt { problems.require(!name.isEmpty, "jwt", "must be a requirement's name") }
        try problems.throwIfAny()
    }
}

extension FilterOverrides: Boxable {
    /// It says nothing of any filter.
    public static var unset: Self { .none }
}
