// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience

/// Retries whose first attempt succeeds, with each budget; hedges.
func retryBenchmarks() -> [Benchmark] {
    let policy = RetryPolicy(maximumAttempts: 3, conditions: .serverError)
    let budgets: [(String, any RetryBudgetPlan)] = [
        ("token", RetryBudgetConfiguration()), ("concurrency", ConcurrencyRetryBudgetConfiguration()),
        ("throttle", ThrottleRetryBudgetConfiguration(maximumTokens: 100, tokenRatio: 0.1)),
        ("quota", QuotaRetryBudgetConfiguration()),
    ]
    let alone = valid { try Retry(policy, budget: nil) }
    return [
        layered("policy/retry", retryLayer(alone)),
        Benchmark("policy/retry-run", leaf: "leaf/operation") {
            await repeatedly($0) { try await alone.run { try await operation() } }
        },
    ]
        + budgets.flatMap { name, plan in
            let budget = valid { try RetryBudget(plan) }
            let retry = valid { try Retry(policy, budget: budget) }
            return layered("policy/retry-\(name)-budget", retryLayer(retry)).withTwoThreads
        } + hedgeBenchmarks()
}

private func retryLayer(_ retry: Retry) -> RetryLayer<MinimalTransport, FixedPolicy<Retry>> {
    RetryLayer(MinimalTransport(), source: FixedPolicy(retry), clock: SystemClock(), random: MeshRandom(seed: 1))
}

private func hedgeBenchmarks() -> [Benchmark] {
    // Nothing hedges what may be sent only once; what is slow is hedged after a delay that never passes here.
    let armed = valid { try Hedging(HedgingConfiguration(delay: .fixed(.seconds(30)))) }
    let started = valid { try Hedging(HedgingConfiguration(delay: .fixed(.zero), ownBudget: nil)) }
    let once = valid { try Hedging(HedgingConfiguration(maximumAttempts: 1, delay: .fixed(.seconds(30)))) }
    return [
        layered("policy/hedge-inapplicable", HedgeLayer(MinimalTransport(), source: FixedPolicy(once))),
        layered("policy/hedge-not-started", HedgeLayer(MinimalTransport(), source: FixedPolicy(armed))),
        Benchmark("policy/hedge-run-not-started", leaf: "leaf/operation") {
            await repeatedly($0) { try await armed.run { _ in try await operation() } }
        },
        Benchmark("policy/hedge-run-started", leaf: "leaf/operation") {
            await repeatedly($0) {
                try await started.run { attempt in
                    // The first is slow; it ends when the hedge has won.
                    if attempt == 1 { try await untilCancelled() }
                    return try await operation()
                }
            }
        },
    ]
}

/// Waits for a cancellation without a timer.
func untilCancelled() async throws {
    let (stream, continuation) = AsyncStream<Never>.makeStream()
    for await _ in stream {}
    continuation.finish()
    throw CancellationError()
}
