// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Rate limits by what requests are counted under, each in a bucket of this process
/// (`envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit`).
public struct LocalRateLimitConfiguration: PolicyConfiguration {
    /// A bucket of tokens that flows in evenly (`envoy.type.v3.TokenBucket`).
    public struct Bucket: Hashable, Sendable {
        /// The bucket's size; one of size 0 refuses everything.
        public var maximumTokens: UInt32
        /// How many tokens an interval adds.
        ///
        /// Default 1: `TokenBucket.tokens_per_fill`.
        public var tokensPerFill: UInt32
        /// The interval; at least 50 ms.
        public var fillInterval: Nanoseconds

        /// Creates a bucket.
        public init(maximumTokens: UInt32, tokensPerFill: UInt32 = 1, fillInterval: Nanoseconds) {
            self.maximumTokens = maximumTokens
            self.tokensPerFill = tokensPerFill
            self.fillInterval = fillInterval
        }
    }

    /// A bucket for the requests that have a descriptor (`LocalRateLimitDescriptor`).
    public struct Limit: Hashable, Sendable {
        /// The descriptor. An entry with an empty value stands for every value, each of which has a bucket of its own.
        public var entries: [RateLimitDescriptor.Entry]
        /// The bucket.
        public var bucket: Bucket
        /// Whether it only counts what it would refuse (`shadow_mode`).
        public var isShadow: Bool

        /// Creates a limit.
        public init(_ entries: [RateLimitDescriptor.Entry], bucket: Bucket, isShadow: Bool = false) {
            self.entries = entries
            self.bucket = bucket
            self.isShadow = isShadow
        }

        /// Whether an entry stands for every value.
        var isWildcard: Bool { entries.contains { $0.value.isEmpty } }
    }

    /// The bucket of all requests; `nil` for none.
    public var bucket: Bucket?
    /// The buckets of descriptors.
    public var limits: [Limit]
    /// Whether requests with a bucket of their own take a token of the common one, too.
    ///
    /// Default `true`: `always_consume_default_token_bucket`.
    public var alwaysUsesCommonBucket: Bool
    /// How many values of each limit with an entry for every value are remembered, 1 to 1000000; the one that was used
    /// least recently makes room, and what it has used up is forgotten.
    ///
    /// Default 20: `max_dynamic_descriptors`.
    public var maximumDynamicLimits: Int
    /// The status code of a refusal, 400 to 599.
    ///
    /// Default 429: `LocalRateLimit.status`.
    public var refusalStatus: Int
    /// Whether answers say how much is left of the limit.
    ///
    /// Default `off`: `enable_x_ratelimit_headers`.
    public var headers: RateLimitHeaders
    /// Whether a refusal with status 429 says in `retry-after` when to try again.
    ///
    /// Default `false`: `enable_retry_after_header`.
    public var sendsRetryAfter: Bool
    /// Whether gRPC's callers hear of `RESOURCE_EXHAUSTED` and not of `UNAVAILABLE`.
    ///
    /// Default `false`: `rate_limited_as_resource_exhausted`.
    public var refusesAsResourceExhausted: Bool
    /// Whether it acts.
    ///
    /// Default `enforce`.
    public var mode: PolicyMode

    /// Creates a configuration.
    public init(
        bucket: Bucket? = nil,
        limits: [Limit] = [],
        alwaysUsesCommonBucket: Bool = true,
        maximumDynamicLimits: Int = 20,
        refusalStatus: Int = 429,
        headers: RateLimitHeaders = .off,
        sendsRetryAfter: Bool = false,
        refusesAsResourceExhausted: Bool = false,
        mode: PolicyMode = .enforce
    ) {
        self.bucket = bucket
        self.limits = limits
        self.alwaysUsesCommonBucket = alwaysUsesCommonBucket
        self.maximumDynamicLimits = maximumDynamicLimits
        self.refusalStatus = refusalStatus
        self.headers = headers
        self.sendsRetryAfter = sendsRetryAfter
        self.refusesAsResourceExhausted = refusesAsResourceExhausted
        self.mode = mode
    }

    /// The rate limit.
    public static var kind: PolicyKind { .rateLimit }

    /// Every value in force.
    public var settings: [PolicySetting] {
        let envoy = "Envoy local_ratelimit"
        return [
            PolicySetting("bucket", bucket?.description, default: nil, from: envoy),
            PolicySetting("limits", limits.count, default: 0, from: envoy),
            PolicySetting("alwaysUsesCommonBucket", alwaysUsesCommonBucket, default: true, from: envoy),
            PolicySetting("maximumDynamicLimits", maximumDynamicLimits, default: 20, from: envoy),
            PolicySetting("refusalStatus", refusalStatus, default: 429, from: envoy),
            PolicySetting("headers", headers.rawValue, default: "off", from: envoy),
            PolicySetting("sendsRetryAfter", sendsRetryAfter, default: false, from: envoy),
            PolicySetting("refusesAsResourceExhausted", refusesAsResourceExhausted, default: false, from: envoy),
            PolicySetting("mode", mode.rawValue, default: "enforce", from: "every policy"),
        ]
    }

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        if let bucket {
            _ = problems.nest("bucket") { () throws(ConfigurationError) in try bucket.validate() }
        }
        var known: Set<[RateLimitDescriptor.Entry]> = []
        for (position, limit) in limits.enumerated() {
            let path = "limits[\(position)]"
            problems.require(!limit.entries.isEmpty, path + ".entries", "at least one entry is needed")
            problems.require(
                known.insert(limit.entries).inserted,
                path + ".entries",
                "there is a limit with the same entries already"
            )
            for (number, entry) in limit.entries.enumerated() {
                problems.require(!entry.key.isEmpty, "\(path).entries[\(number)].key", "is empty")
            }
            _ = problems.nest(path + ".bucket") { () throws(ConfigurationError) in try limit.bucket.validate() }
        }
        problems.require(
            (1...1_000_000).contains(maximumDynamicLimits),
            "maximumDynamicLimits",
            "must be from 1 to 1000000, is \(maximumDynamicLimits)"
        )
        problems.require(
            (400...599).contains(refusalStatus),
            "refusalStatus",
            "must be from 400 to 599, is \(refusalStatus)"
        )
        try problems.throwIfAny()
    }
}

extension LocalRateLimitConfiguration.Bucket: CustomStringConvertible {
    /// For people: `10 at most, 1 per 1.0 seconds`.
    public var description: String { "\(maximumTokens) at most, \(tokensPerFill) per \(fillInterval.duration)" }

    fileprivate func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        problems.require(tokensPerFill >= 1, "tokensPerFill", "must be at least 1")
        // One that is always empty needs no interval.
        problems.require(
            maximumTokens == 0 || fillInterval >= .milliseconds(50) && fillInterval <= .seconds(31_536_000),
            "fillInterval",
            "must be from 50 ms to 365 days"
        )
        try problems.throwIfAny()
    }
}
