// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
public import MeshResilience

/// What a route or a cluster may have of `MeshResilience`, beside the policies that xDS knows on them.
///
/// A route's own policy takes the place of its cluster's. A policy is one for all requests that it stands on: those of a
/// cluster share it over all routes, those of a route over all clusters.
public struct TrafficPolicies: Hashable, Sendable {
    /// Refuses the least important requests first. On inbound routes it protects this process.
    public var loadShedding: LoadShedderConfiguration?
    /// The answer in place of every failure, once the retries are over; `nil` for none.
    public var fallback: LocalReply?
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
    /// What limits retries and hedges over all requests of the cluster (`Thresholds.retry_budget`); routes have none of
    /// their own. `nil` leaves `MeshConfiguration.retryBudget`.
    public var retryBudget: RetryBudgetChoice?

    /// Creates a set of policies.
    public init(
        loadShedding: LoadShedderConfiguration? = nil,
        fallback: LocalReply? = nil,
        admissionControl: AdmissionControlConfiguration? = nil,
        hedging: HedgingConfiguration? = nil,
        adaptiveLimit: AdaptiveLimitConfiguration? = nil,
        bulkhead: BulkheadConfiguration? = nil,
        circuitBreaker: CircuitBreakerConfiguration? = nil,
        retryBudget: RetryBudgetChoice? = nil
    ) {
        self.loadShedding = loadShedding
        self.fallback = fallback
        self.admissionControl = admissionControl
        self.hedging = hedging
        self.adaptiveLimit = adaptiveLimit
        self.bulkhead = bulkhead
        self.circuitBreaker = circuitBreaker
        self.retryBudget = retryBudget
    }

    /// No policies.
    public static let none = TrafficPolicies()

    /// Checks the bounds of every policy.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        problems.check("loadShedding", loadShedding)
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
