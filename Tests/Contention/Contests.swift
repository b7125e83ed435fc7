// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience

extension Contest {
    /// Every policy, each in a setting in which its calls get into each other's way.
    static func all() throws -> [Contest] {
        try limits() + verdicts() + attempts() + shared()
    }

    /// Those that count what is under way, and must count to nothing in the end.
    private static func limits() throws -> [Contest] {
        let bulkhead = try Bulkhead(
            BulkheadConfiguration(maximumConcurrent: 2, maximumQueued: 2, maximumWait: .forever, order: .lifo)
        )
        let fair = try Bulkhead(
            BulkheadConfiguration(maximumConcurrent: 1, maximumQueued: 100, maximumWait: .seconds(60))
        )
        let limit = try AdaptiveLimit(AdaptiveLimitConfiguration(maximumQueued: 1))
        let shedder = try LoadShedder(LoadShedderConfiguration(capacity: 1, queueFrom: 1, queueTo: 8))
        let rate = try RateLimiter(
            RateLimitConfiguration(rate: 1_000_000, per: .seconds(1), algorithm: .smooth, maximumWait: .seconds(60))
        )
        let keyed = try KeyedRateLimiter<Int>(
            KeyedRateLimitConfiguration(limit: RateLimitConfiguration(rate: 100, per: .seconds(60)), maximumKeys: 8)
        )
        return [
            Contest("bulkhead, newest first", { try await bulkhead.run($1) }) {
                bulkhead.inFlight + bulkhead.queued == 0 ? nil : "\(bulkhead.inFlight), \(bulkhead.queued) are left"
            },
            Contest("bulkhead, in turn", { try await fair.run($1) }) {
                fair.inFlight + fair.queued == 0 ? nil : "\(fair.inFlight), \(fair.queued) are left"
            },
            Contest("adaptive limit", { try await limit.run($1) }) {
                limit.inFlight == 0 ? nil : "\(limit.inFlight) are left"
            },
            Contest("load shedding") { number, work in
                try await shedder.run(number % 2 == 0 ? .sheddable : .critical, user: "\(number % 7)", work)
            } verdict: {
                shedder.inFlight == 0 ? nil : "\(shedder.inFlight) are left"
            },
            Contest("rate limit that waits", { try await rate.run($1) }),
            Contest("rate limit by key") { number, work in try await keyed.run(for: number % 20, work) },
        ]
    }

    /// Those that judge a peer.
    private static func verdicts() throws -> [Contest] {
        let breaker = try CircuitBreaker(
            CircuitBreakerConfiguration(
                failureRate: 0.2,
                minimumCalls: 10,
                openDuration: Nanoseconds(rawValue: 1_000),
                probes: 2
            )
        )
        let admission = try AdmissionControl(.envoy)
        let faults = try FaultInjector(
            FaultConfiguration(
                abort: .init(status: 503, percentage: FractionalPercent(numerator: 10, denominator: .hundred))
            )
        )
        return [
            Contest("circuit breaker", { try await breaker.run($1) }) {
                let metrics = breaker.metrics
                return metrics.failures <= metrics.calls ? nil : "\(metrics)"
            },
            Contest("admission control", { try await admission.run($1) }),
            Contest("fault injection", { try await faults.run($1) }) {
                faults.activeFaults == 0 ? nil : "\(faults.activeFaults) faults are left"
            },
        ]
    }

    /// Those that try again.
    private static func attempts() throws -> [Contest] {
        let plans: [any RetryBudgetPlan] = [
            RetryBudgetConfiguration(), ConcurrencyRetryBudgetConfiguration(percent: 50, minimum: 1),
            ThrottleRetryBudgetConfiguration(maximumTokens: 100, tokenRatio: 0.5), QuotaRetryBudgetConfiguration(),
        ]
        var contests: [Contest] = []
        for plan in plans {
            let budget = try makeBudget(plan)
            let retry = try Retry(
                RetryPolicy(maximumAttempts: 3, conditions: [.reset, .serverError], backoff: .none),
                budget: budget
            )
            contests.append(
                Contest("retry under \(type(of: plan))") { _, work in try await retry.run { try await work() } }
            )
        }
        let hedging = try Hedging(HedgingConfiguration(maximumAttempts: 3, delay: .fixed(.zero)), budget: RetryBudget())
        contests.append(Contest("hedging") { _, work in try await hedging.run { (_: Int) in try await work() } })
        let timeout = Timeout(.seconds(60))
        contests.append(Contest("timeout") { _, work in try await timeout.run(work) })
        return contests
    }

    private static func makeBudget(_ plan: some RetryBudgetPlan) throws -> RetryBudget {
        try RetryBudget(plan)
    }

    /// Those in which calls share something.
    private static func shared() throws -> [Contest] {
        let coalescing = try Coalescing<Int, Int>()
        let cache = try ResponseCache<Int, Int>(ResponseCacheConfiguration(timeToLive: Nanoseconds(rawValue: 1_000)))
        let batching = try Batching<Int, Int> { keys in
            Dictionary(uniqueKeysWithValues: Set(keys).map { ($0, .success($0)) })
        }
        let fallback = try Fallback<Int>(steps: [FallbackStep { _ in 0 }])
        let command = try Command<@Sendable () async throws -> Int, Int>("contended", fallback: { _, _ in 0 }) {
            try await $0()
        }
        return [
            Contest("coalescing") { number, work in try await coalescing.run(number % 3, work) },
            Contest("cache") { number, work in try await cache.run(number % 3, work) },
            Contest("batching") { number, _ in try await batching.run(number) },
            Contest("fallback") { _, work in try await fallback.run(work) },
            Contest("command") { _, work in
                try await command.execute(work)
            } verdict: {
                command.metrics.concurrency == 0 ? nil : "\(command.metrics.concurrency) calls are left"
            },
        ]
    }
}
