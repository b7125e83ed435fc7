// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
public import MeshResilience

/// What a route, a cluster or a listener may have of `MeshResilience`, beside the policies that xDS knows on them.
///
/// A route's own policy takes the place of its cluster's, and that of its listener's. A policy is one for all requests
/// that it stands on: those of a cluster share it over all routes, those of a route over all clusters. Three keep apart
/// what must not be one: hedging each route and cluster, coalescing likewise, and the response cache each cluster.
public struct TrafficPolicies: Hashable, Sendable {
    /// Refuses the least important requests first. On inbound routes it protects this process.
    public var loadShedding: LoadShedderConfiguration?
    /// Refuses requests whose callers have stopped waiting before they were begun. On inbound routes only.
    public var expiredRequests: ExpiredRequestConfiguration?
    /// The answer in place of every failure, once the retries are over; `nil` for none.
    public var fallback: LocalReply?
    /// Answers from memory what `sharing` lets be kept. Each client has a memory of its own for each cluster's answers;
    /// `maximumCost` counts the bytes of its responses' bodies.
    ///
    /// The routes of a cluster or a listener share it, but for those whose faults ask for headers. Those who ask together
    /// for what is not in memory get one answer, under the timeouts, limits and faults of the first one's route.
    public var responseCache: ResponseCacheConfiguration?
    /// Makes one request of equal requests of one client that overlap, as far as `sharing` lets them. Wherever it stands,
    /// only requests of one route to one cluster are made one.
    public var coalescing: CoalescingConfiguration?
    /// Which requests have the same answer, and which answers are for others, too: for the response cache and the
    /// coalescing that stand here.
    public var sharing: ResponseSharingRules
    /// A rate limit for each value of a header field: each user, each tenant. `Route.rateLimit` is one for all.
    public var keyedRateLimit: HeaderRateLimitConfiguration?
    /// Refuses a share of the requests that grows with the failures (`envoy.filters.http.admission_control`).
    public var admissionControl: AdmissionControlConfiguration?
    /// Sends a second attempt beside a slow one (`RouteAction.hedge_policy`).
    public var hedging: HedgingConfiguration?
    /// Limits the attempts under way by what latencies say (`envoy.filters.http.adaptive_concurrency`).
    public var adaptiveLimit: AdaptiveLimitConfiguration?
    /// Limits the attempts under way, with a queue. `Cluster.concurrencyLimit` is Envoy's limit, which has none.
    public var bulkhead: BulkheadConfiguration?
    /// A circuit breaker over the whole; `Cluster.circuitBreaker` is one for each endpoint.
    public var circuitBreaker: CircuitBreakerConfiguration?
    /// The fields in which each attempt tells its peer how much time is left; empty for what the transport does by itself.
    ///
    /// The mesh's own transports write `x-envoy-expected-rq-timeout-ms` whatever stands here.
    public var deadlineHeaders: DeadlineHeaders
    /// What limits retries and hedges over all requests of the cluster (`Thresholds.retry_budget`); routes have none of
    /// their own. `nil` leaves `MeshConfiguration.retryBudget`.
    public var retryBudget: RetryBudgetChoice?

    /// Creates a set of policies.
    public init(
        loadShedding: LoadShedderConfiguration? = nil,
        expiredRequests: ExpiredRequestConfiguration? = nil,
        fallback: LocalReply? = nil,
        responseCache: ResponseCacheConfiguration? = nil,
        coalescing: CoalescingConfiguration? = nil,
        sharing: ResponseSharingRules = .standard,
        keyedRateLimit: HeaderRateLimitConfiguration? = nil,
        admissionControl: AdmissionControlConfiguration? = nil,
        hedging: HedgingConfiguration? = nil,
        adaptiveLimit: AdaptiveLimitConfiguration? = nil,
        bulkhead: BulkheadConfiguration? = nil,
        circuitBreaker: CircuitBreakerConfiguration? = nil,
        deadlineHeaders: DeadlineHeaders = [],
        retryBudget: RetryBudgetChoice? = nil
    ) {
        self.loadShedding = loadShedding
        self.expiredRequests = expiredRequests
        self.fallback = fallback
        self.responseCache = responseCache
        self.coalescing = coalescing
        self.sharing = sharing
        self.keyedRateLimit = keyedRateLimit
        self.admissionControl = admissionControl
        self.hedging = hedging
        self.adaptiveLimit = adaptiveLimit
        self.bulkhead = bulkhead
        self.circuitBreaker = circuitBreaker
        self.deadlineHeaders = deadlineHeaders
        self.retryBudget = retryBudget
    }

    /// No policies.
    public static let none = TrafficPolicies()

    /// These, and the others where there is none.
    ///
    /// The response cache and the coalescing stand under one set of rules: beside one of these the others' other one is
    /// taken only where the rules are the same.
    public func completed(by others: TrafficPolicies) -> TrafficPolicies {
        var merged = self
        merged.loadShedding = loadShedding ?? others.loadShedding
        merged.expiredRequests = expiredRequests ?? others.expiredRequests
        merged.fallback = fallback ?? others.fallback
        if !sharesAnswers || sharing == others.sharing {
            merged.responseCache = responseCache ?? others.responseCache
            merged.coalescing = coalescing ?? others.coalescing
            merged.sharing = others.sharing
        }
        merged.keyedRateLimit = keyedRateLimit ?? others.keyedRateLimit
        merged.admissionControl = admissionControl ?? others.admissionControl
        merged.hedging = hedging ?? others.hedging
        merged.adaptiveLimit = adaptiveLimit ?? others.adaptiveLimit
        merged.bulkhead = bulkhead ?? others.bulkhead
        merged.circuitBreaker = circuitBreaker ?? others.circuitBreaker
        if deadlineHeaders.isEmpty { merged.deadlineHeaders = others.deadlineHeaders }
        merged.retryBudget = retryBudget ?? others.retryBudget
        return merged
    }

    /// Whether there is a policy that `sharing` is for.
    var sharesAnswers: Bool { responseCache != nil || coalescing != nil }

    /// Checks the bounds of every policy.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        problems.check("loadShedding", loadShedding)
        problems.check("expiredRequests", expiredRequests)
        problems.check("responseCache", responseCache)
        problems.check("coalescing", coalescing)
        _ = problems.nest("sharing") { () throws(ConfigurationError) in try sharing.validate() }
        problems.check("keyedRateLimit", keyedRateLimit)
        problems.check("admissionControl", admissionControl)
        problems.check("hedging", hedging)
        problems.check("adaptiveLimit", adaptiveLimit)
        problems.check("bulkhead", bulkhead)
        problems.check("circuitBreaker", circuitBreaker)
        if let retryBudget {
            _ = problems.nest("retryBudget") { () throws(ConfigurationError) in try retryBudget.plan.validate() }
        }
        if let fallback {
            problems.require(
                (200...599).contains(fallback.status),
                "fallback.status",
                "must be from 200 to 599, is \(fallback.status)"
            )
        }
        try problems.throwIfAny()
    }
}

/// One of the ways in which retries are limited, comparable so that a push can tell whether it changed.
public enum RetryBudgetChoice: Hashable, Sendable {
    /// A share of the requests of the last while (Finagle, Linkerd).
    case tokens(RetryBudgetConfiguration)
    /// A share of the requests under way (Envoy).
    case concurrency(ConcurrencyRetryBudgetConfiguration)
    /// As many failures as successes outweigh (gRPC).
    case throttle(ThrottleRetryBudgetConfiguration)
    /// A fixed amount that successes refill (AWS).
    case quota(QuotaRetryBudgetConfiguration)

    /// The configuration.
    public var plan: any RetryBudgetPlan {
        switch self {
        case .tokens(let plan): plan
        case .concurrency(let plan): plan
        case .throttle(let plan): plan
        case .quota(let plan): plan
        }
    }
}

extension ProblemCollector {
    fileprivate mutating func check(_ path: String, _ configuration: (some PolicyConfiguration)?) {
        guard let configuration else { return }
        _ = nest(path) { () throws(ConfigurationError) in try configuration.validate() }
    }
}

extension TrafficPolicies: Boxable {
    /// Nothing stands there.
    public static var unset: Self { .none }
}
