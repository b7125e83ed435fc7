// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience

func policyBenchmarks() -> [Benchmark] {
    let clock = SystemClock()
    let random = MeshRandom(seed: 1)
    let leaf = MinimalTransport()
    let policy = RetryPolicy(maximumAttempts: 3, conditions: .serverError)
    let retry = RetryLayer(
        leaf,
        source: FixedPolicy(Retry(validated: policy, budget: nil)),
        clock: clock,
        random: random
    )
    let budget = RetryLayer(
        leaf,
        source: FixedPolicy(Retry(validated: policy, budget: RetryBudget())),
        clock: clock,
        random: random
    )
    let deadline = DeadlineLayer(leaf, scope: .request, source: FixedPolicy(Nanoseconds.seconds(30)), clock: clock)
    let attempt = DeadlineLayer(leaf, scope: .attempt, source: FixedPolicy(Nanoseconds.seconds(30)), clock: clock)
    guard let breaker = try? CircuitBreaker(CircuitBreakerConfiguration()) else { fatalError("the defaults are valid") }
    let unlimited = RateLimitConfiguration(
        maximumTokens: Int(UInt32.max),
        tokensPerFill: Int(UInt32.max),
        fillInterval: .milliseconds(1)
    )
    guard let limiter = try? RateLimiter(unlimited) else { fatalError("a benchmark's configuration is invalid") }
    let limit = RateLimitLayer(leaf, source: FixedPolicy(limiter))
    let faults = FaultConfiguration(
        delay: .init(duration: .seconds(1), percentage: .none),
        abort: .init(status: 503, percentage: .none)
    )
    guard let injector = try? FaultInjector(faults, random: random) else {
        fatalError("a benchmark's configuration is invalid")
    }
    let fault = FaultLayer(leaf, source: FixedPolicy(injector))
    return [
        Benchmark("policy/retry", peer: "stack/leaf") { await exchange(retry, $0) },
        Benchmark("policy/retry-budget", peer: "policy/retry") { await exchange(budget, $0) },
        Benchmark("policy/deadline", peer: "idiom/task-group-timeout") { await exchange(deadline, $0) },
        Benchmark("policy/attempt-deadline", peer: "stack/leaf") { await exchange(attempt, $0) },
        Benchmark("policy/rate-limit", peer: "stack/leaf") { await exchange(limit, $0) },
        Benchmark("policy/fault", peer: "stack/leaf") { await exchange(fault, $0) },
        Benchmark("policy/circuit-breaker", peer: "stack/leaf") { iterations in
            let request = MinimalRequest()
            let now = clock.now
            for _ in 0..<iterations {
                var context = CallContext(now: now)
                let response = try? await breaker.run { try await leaf.send(request, context: &context) }
                guard response != nil else { fatalError("a benchmark failed") }
                leaf.finish(&context, .completed)
            }
        },
    ]
}

/// What programs do without this library, to compare with.
func idiomBenchmarks() -> [Benchmark] {
    let leaf = MinimalTransport()
    return [
        Benchmark("idiom/task-group-timeout") { iterations in
            let now = SystemClock().now
            for _ in 0..<iterations {
                let response = try? await withThrowingTaskGroup(of: MinimalResponse.self) { group in
                    group.addTask {
                        var context = CallContext(now: now)
                        let response = try await leaf.send(MinimalRequest(), context: &context)
                        leaf.finish(&context, .completed)
                        return response
                    }
                    group.addTask {
                        try await Task.sleep(for: .seconds(30))
                        throw CancellationError()
                    }
                    defer { group.cancelAll() }
                    return try await group.next()
                }
                guard response != nil else { fatalError("a benchmark failed") }
            }
        }
    ]
}
