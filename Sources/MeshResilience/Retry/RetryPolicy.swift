// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// When a failed attempt is followed by another (`envoy.config.route.v3.RetryPolicy`, and what other libraries add).
public struct RetryPolicy: PolicyConfiguration {
    /// `.retry`.
    public static let kind = PolicyKind.retry
    /// The most attempts that gRPC makes, whatever its configuration says (gRFC A6).
    public static let grpcAttemptCeiling = 5

    /// The most attempts, the first included, 1 to 1000; 1 means no retry.
    ///
    /// Default 2: Envoy's `num_retries` of 1.
    public var maximumAttempts: Int
    /// Which failures are followed by another attempt.
    ///
    /// Default what Istio's clients retry.
    public var conditions: RetryConditions
    /// The status codes that `RetryConditions.retriableStatusCodes` means, 100 to 599.
    ///
    /// Default none: Envoy's `retriable_status_codes`.
    public var retriableStatusCodes: [Int]
    /// What a header of an answer must be for `RetryConditions.retriableHeaders`; one that fits is enough.
    ///
    /// Default none: Envoy's `retriable_headers`.
    public var retriableHeaders: [HeaderMatcher]
    /// What a header of a request must be for it to be sent again at all; one that fits is enough, and none says nothing.
    ///
    /// Default none: Envoy's `retriable_request_headers`.
    public var retriableRequestHeaders: [HeaderMatcher]
    /// How long one attempt may take until the response's head arrives; `nil` leaves only the request's deadline, which
    /// is also what bounds the body.
    ///
    /// Default none: Envoy's `per_try_timeout`.
    public var perTryTimeout: Nanoseconds?
    /// How long to wait before each further attempt.
    ///
    /// Default Envoy's: full jitter on 25 ms, doubled up to 250 ms.
    public var backoff: Backoff
    /// Which requests may be sent again.
    ///
    /// Default the harmless ones; Envoy sends all again.
    public var replay: Replay
    /// Whether a further attempt avoids the endpoints that were tried (`previous_hosts`).
    ///
    /// Default `true`: Istio's.
    public var avoidsPreviousEndpoints: Bool
    /// After how many attempts the priorities of the endpoints that were tried are avoided, from 1; `nil` for never.
    ///
    /// Default never: Envoy's `retry_priority` is unset. With `previous_priorities` it is the `update_frequency`.
    public var priorityUpdateFrequency: Int?
    /// For how long, from the request's start, an attempt may still begin; `nil` for as long as the deadline allows.
    ///
    /// Default none: Failsafe's `maxDuration`.
    public var totalTime: Nanoseconds?
    /// What has the first word about a failed attempt, before the conditions.
    ///
    /// Default none.
    public var predicate: RetryPredicate?
    /// How a peer that says when to come back is obeyed; `nil` if it is not.
    ///
    /// Default by `Retry-After`, up to 300 s; Envoy does so where `rate_limited_retry_back_off` is set.
    public var rateLimitedBackoff: RateLimitedBackoff?
    /// Whether `grpc-retry-pushback-ms` is obeyed: it sets the next wait, and a negative one stops (gRFC A6).
    ///
    /// Default `true`: gRPC's.
    public var honoursGRPCPushback: Bool
    /// A bound that `maximumAttempts` is clamped to rather than refused for; `nil` for none.
    ///
    /// Default none; `grpcAttemptCeiling` is gRPC's.
    public var attemptCeiling: Int?
    /// How a request that is already somebody's retry is known; it is not retried here (Kitex's *ChainStop*).
    ///
    /// Default none; Kitex has it on.
    public var chainStop: ChainStop?
    /// The share of the budget's balance, when the request starts, that this one request may use up, from 0; above 1
    /// only the budget limits it. `nil` for no such limit.
    ///
    /// Default none; Finagle's `RequeueFilter` (`maxRetriesPerReq`) has 0.2.
    public var budgetShare: Double?
    /// Whether it retries, or only says what it would retry.
    public var mode: PolicyMode

    /// Which requests may be sent again.
    public enum Replay: Hashable, Sendable {
        /// Those that were provably not processed, and those whose method is idempotent.
        case harmless
        /// Every request that can be replayed, as Envoy does: a POST may be executed twice.
        case always
    }

    /// How a request that is already a retry of somebody before us is known, and how ours are marked for those behind.
    public enum ChainStop: Hashable, Sendable {
        /// By `x-envoy-attempt-count` above 1, which Envoy sets where `include_request_attempt_count` is.
        case attemptCount
        /// By a header of that name that is present, whatever its value.
        case header(HeaderName)
    }

    /// Creates a policy.
    public init(
        maximumAttempts: Int = 2,
        conditions: RetryConditions = .standard,
        retriableStatusCodes: [Int] = [],
        retriableHeaders: [HeaderMatcher] = [],
        retriableRequestHeaders: [HeaderMatcher] = [],
        perTryTimeout: Nanoseconds? = nil,
        backoff: Backoff = Backoff(),
        replay: Replay = .harmless,
        avoidsPreviousEndpoints: Bool = true,
        priorityUpdateFrequency: Int? = nil,
        totalTime: Nanoseconds? = nil,
        predicate: RetryPredicate? = nil,
        rateLimitedBackoff: RateLimitedBackoff? = RateLimitedBackoff(),
        honoursGRPCPushback: Bool = true,
        attemptCeiling: Int? = nil,
        chainStop: ChainStop? = nil,
        budgetShare: Double? = nil,
        mode: PolicyMode = .enforce
    ) {
        self.maximumAttempts = maximumAttempts
        self.conditions = conditions
        self.retriableStatusCodes = retriableStatusCodes
        self.retriableHeaders = retriableHeaders
        self.retriableRequestHeaders = retriableRequestHeaders
        self.perTryTimeout = perTryTimeout
        self.backoff = backoff
        self.replay = replay
        self.avoidsPreviousEndpoints = avoidsPreviousEndpoints
        self.priorityUpdateFrequency = priorityUpdateFrequency
        self.totalTime = totalTime
        self.predicate = predicate
        self.rateLimitedBackoff = rateLimitedBackoff
        self.honoursGRPCPushback = honoursGRPCPushback
        self.attemptCeiling = attemptCeiling
        self.chainStop = chainStop
        self.budgetShare = budgetShare
        self.mode = mode
    }

    /// How many attempts there are, the ceiling applied.
    public var effectiveAttempts: Int { min(maximumAttempts, attemptCeiling ?? .max) }
}
