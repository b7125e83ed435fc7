// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience

/// Faults that are not drawn, and policies in one value: a command, a pipeline.
func compositionBenchmarks() -> [Benchmark] {
    let faults = FaultConfiguration(
        delay: .init(duration: .seconds(1), percentage: .none),
        abort: .init(status: 503, percentage: .none)
    )
    let injector = valid { try FaultInjector(faults, random: MeshRandom(seed: 1)) }
    let command = valid { try Command<Int, Int>("Seven", fallback: { _, _ in 0 }) { _ in try await operation() } }
    let untimed = valid {
        try Command<Int, Int>("Seven", CommandConfiguration(timeout: nil), fallback: { _, _ in 0 }) { _ in
            try await operation()
        }
    }
    let pipeline = valid {
        try PolicyPipeline(
            "seven",
            [
                Retry(RetryPolicy(maximumAttempts: 3, conditions: .serverError)),
                CircuitBreaker(CircuitBreakerConfiguration()),
                Bulkhead(BulkheadConfiguration(maximumConcurrent: 1_000)),
            ]
        )
    }
    return [
        layered("policy/fault", FaultLayer(MinimalTransport(), source: FixedPolicy(injector))),
        Benchmark("policy/command", leaf: "leaf/operation") { await repeatedly($0) { try await command.execute(1) } },
        Benchmark("policy/command-without-timeout", leaf: "leaf/operation") {
            await repeatedly($0) { try await untimed.execute(1) }
        },
        Benchmark("policy/pipeline-of-three", leaf: "leaf/operation") {
            await repeatedly($0) { try await pipeline.run { try await operation() } }
        },
    ]
}
