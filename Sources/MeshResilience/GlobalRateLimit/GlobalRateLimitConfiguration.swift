// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// A rate limit that a service counts for a whole fleet (`envoy.extensions.filters.http.ratelimit.v3.RateLimit`).
public struct GlobalRateLimitConfiguration: PolicyConfiguration {
    /// Whose limits they are; the service has its limits by domain.
    public var domain: String
    /// What the service is called: the cluster or the target that it is reached by.
    public var service: String
    /// How long the service is waited for, above 0 and at most 60 s.
    ///
    /// Default 20 ms: `RateLimit.timeout`.
    public var timeout: Nanoseconds
    /// Whether requests are refused while the service cannot be asked.
    ///
    /// Default `false`, they pass: `RateLimit.failure_mode_deny`.
    public var refusesOnFailure: Bool
    /// The status code of a refusal, 400 to 599.
    ///
    /// Default 429: `RateLimit.rate_limited_status`.
    public var refusalStatus: Int
    /// The status code where requests are refused because the service cannot be asked, 400 to 599.
    ///
    /// Default 500: `RateLimit.status_on_error`.
    public var failureStatus: Int
    /// Whether an answer to a request above the limit has `x-envoy-ratelimited: true`, which retries look at.
    ///
    /// Default `true`: `RateLimit.disable_x_envoy_ratelimited_header`.
    public var marksRefusals: Bool
    /// Whether answers say how much is left of the limit.
    ///
    /// Default `off`: `RateLimit.enable_x_ratelimit_headers`.
    public var headers: RateLimitHeaders
    /// Whether a refusal with status 429 says in `retry-after` when to try again.
    ///
    /// Default `false`: `RateLimit.enable_retry_after_header`.
    public var sendsRetryAfter: Bool
    /// Whether gRPC's callers hear of `RESOURCE_EXHAUSTED` and not of `UNAVAILABLE`.
    ///
    /// Default `false`: `RateLimit.rate_limited_as_resource_exhausted`.
    public var refusesAsResourceExhausted: Bool
    /// The namespace in which the service's metadata are noted.
    ///
    /// Default `envoy.filters.http.ratelimit`: `RateLimit.metadata_namespace`.
    public var metadataNamespace: String
    /// Whether it acts. Where it only observes, the service is asked all the same.
    ///
    /// Default `enforce`.
    public var mode: PolicyMode

    /// Creates a configuration.
    public init(
        domain: String,
        service: String = "",
        timeout: Nanoseconds = .milliseconds(20),
        refusesOnFailure: Bool = false,
        refusalStatus: Int = 429,
        failureStatus: Int = 500,
        marksRefusals: Bool = true,
        headers: RateLimitHeaders = .off,
        sendsRetryAfter: Bool = false,
        refusesAsResourceExhausted: Bool = false,
        metadataNamespace: String = "envoy.filters.http.ratelimit",
        mode: PolicyMode = .enforce
    ) {
        self.domain = domain
        self.service = service
        self.timeout = timeout
        self.refusesOnFailure = refusesOnFailure
        self.refusalStatus = refusalStatus
        self.failureStatus = failureStatus
        self.marksRefusals = marksRefusals
        self.headers = headers
        self.sendsRetryAfter = sendsRetryAfter
        self.refusesAsResourceExhausted = refusesAsResourceExhausted
        self.metadataNamespace = metadataNamespace
        self.mode = mode
    }

    /// The rate limit.
    public static var kind: PolicyKind { .rateLimit }

    /// Every value in force.
    public var settings: [PolicySetting] {
        let envoy = "Envoy ratelimit"
        return [
            PolicySetting("domain", domain),
            PolicySetting("service", service),
            PolicySetting("timeout", timeout, default: .milliseconds(20), from: envoy),
            PolicySetting("refusesOnFailure", refusesOnFailure, default: false, from: envoy),
            PolicySetting("refusalStatus", refusalStatus, default: 429, from: envoy),
            PolicySetting("failureStatus", failureStatus, default: 500, from: envoy),
            PolicySetting("marksRefusals", marksRefusals, default: true, from: envoy),
            PolicySetting("headers", headers.rawValue, default: "off", from: envoy),
            PolicySetting("sendsRetryAfter", sendsRetryAfter, default: false, from: envoy),
            PolicySetting("refusesAsResourceExhausted", refusesAsResourceExhausted, default: false, from: envoy),
            PolicySetting(
                "metadataNamespace",
                metadataNamespace,
                default: "envoy.filters.http.ratelimit",
                from: envoy
            ),
            PolicySetting("mode", mode.rawValue, default: "enforce", from: "every policy"),
        ]
    }

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        problems.require(!domain.isEmpty, "domain", "is empty")
        problems.require(timeout > .zero && timeout <= .seconds(60), "timeout", "must be above 0 and at most 60 s")
        problems.require(
            (400...599).contains(refusalStatus),
            "refusalStatus",
            "must be from 400 to 599, is \(refusalStatus)"
        )
        problems.require(
            (400...599).contains(failureStatus),
            "failureStatus",
            "must be from 400 to 599, is \(failureStatus)"
        )
        try problems.throwIfAny()
    }
}
