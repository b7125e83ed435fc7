// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience

/// What answers in place of a call, or makes one of several: fallback, cache, coalescing, batching.
func answerBenchmarks() -> [Benchmark] {
    let leaf = MinimalTransport()
    let alternative = valid { try TransportFallback<MinimalRequest, MinimalResponse>(to: leaf) }
    let fallback = valid { try Fallback<Int>(steps: [.value(0)]) }
    let hits = valid { try ResponseCache<Int, Int>(ResponseCacheConfiguration(timeToLive: .seconds(3_600))) }
    let fills = valid { try ResponseCache<Int, Int>(ResponseCacheConfiguration(timeToLive: .seconds(3_600))) }
    let flights = valid { try Coalescing<Int, Int>() }
    // A batch that is full with its first call does not wait for its time.
    let batches = valid {
        try Batching<Int, Int>(BatchingConfiguration(maximumBatchSize: 1)) { keys in
            var results: [Int: Result<Int, any Error>] = [:]
            for key in keys { results[key] = .success(try await operation()) }
            return results
        }
    }
    return [
        layered("policy/fallback", FallbackLayer(leaf, source: FixedPolicy(alternative))),
        Benchmark("policy/fallback-run", leaf: "leaf/operation") {
            await repeatedly($0) { try await fallback.run { try await operation() } }
        },
    ]
        + Benchmark("policy/cache-hit") {
            await repeatedly($0) { try await hits.run(7) { try await operation() } }
        }.withTwoThreads + [
            Benchmark("policy/cache-fill", leaf: "leaf/operation") {
                await repeatedly($0) {
                    fills.invalidate(7)
                    return try await fills.run(7) { try await operation() }
                }
            },
            Benchmark("policy/coalescing-leader", leaf: "leaf/operation") {
                await repeatedly($0) { try await flights.run(7) { try await operation() } }
            },
            Benchmark("policy/batch-of-one", leaf: "leaf/operation") {
                await repeatedly($0) { try await batches.run(7) }
            },
        ]
}
