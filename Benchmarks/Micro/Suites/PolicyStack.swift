// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience

/// The policies of goal P1 as a static nest: retries under a budget, a total timeout, a circuit breaker, a rate limit, a
/// pick among 16 endpoints, a trace identifier.
struct PolicyStack<Leaf: Transport>: Sendable
where Leaf.Request == MinimalRequest, Leaf.Response == MinimalResponse {
    typealias Attempt = RateLimitLayer<PickLayer<Leaf>, FixedPolicy<RateLimiter>>
    typealias Guarded = CircuitBreakerLayer<Attempt, FixedPolicy<CircuitBreaker>>
    typealias Retries = RetryLayer<Guarded, FixedPolicy<Retry>>

    let stack: DeadlineLayer<Retries, FixedPolicy<Nanoseconds>>

    init(_ leaf: Leaf) {
        let (clock, random) = (SystemClock(), MeshRandom(seed: 1))
        let limiter = valid { try RateLimiter(plenty(.tokenBucket)) }
        let breaker = valid { try CircuitBreaker(CircuitBreakerConfiguration()) }
        let retry = valid { try Retry(RetryPolicy(maximumAttempts: 3, conditions: .serverError)) }
        let attempt = Attempt(PickLayer(leaf, random: random), source: FixedPolicy(limiter))
        let guarded = Guarded(attempt, source: FixedPolicy(breaker))
        let retries = Retries(guarded, source: FixedPolicy(retry), clock: clock, random: random)
        stack = DeadlineLayer(retries, scope: .request, source: FixedPolicy(.seconds(30)), clock: clock)
    }
}
