// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience

/// What limits the calls under way: bulkhead, adaptive limits, admission control, load shedding.
func limitBenchmarks() -> [Benchmark] {
    bulkheadBenchmarks() + adaptiveLimitBenchmarks() + admissionBenchmarks()
}

private func bulkheadBenchmarks() -> [Benchmark] {
    let bulkhead = valid { try Bulkhead(BulkheadConfiguration(maximumConcurrent: 1_000)) }
    let run = Benchmark("policy/bulkhead-run", leaf: "leaf/operation") {
        await repeatedly($0) { try await bulkhead.run { try await operation() } }
    }
    let queue = Benchmark("policy/bulkhead-queued-waiter", preparing: queuedWaiter)
    return layered("policy/bulkhead", BulkheadLayer(MinimalTransport(), source: FixedPolicy(bulkhead))).withTwoThreads
        + run.withTwoThreads + [queue]
}

/// One place, and two who take it in turn: all but the first wait for it.
private func queuedWaiter() -> Benchmark.Body {
    let settings = BulkheadConfiguration(maximumConcurrent: 1, maximumQueued: 2, maximumWait: .forever)
    let bulkhead = valid { try Bulkhead(settings) }
    return { iterations in
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<2 {
                group.addTask {
                    await repeatedly(iterations / 2) {
                        try await bulkhead.run {
                            await Task.yield()
                            return try await operation()
                        }
                    }
                }
            }
        }
    }
}

private func adaptiveLimitBenchmarks() -> [Benchmark] {
    let algorithms: [(String, AdaptiveLimitConfiguration.Algorithm)] = [
        ("aimd", .aimd(.init())), ("vegas", .vegas(.init())), ("gradient2", .gradient2),
        ("envoy", .envoyGradient), ("correlated-vegas", .correlatedVegas(.init())),
    ]
    return algorithms.flatMap { name, algorithm in
        let limit = valid { try AdaptiveLimit(AdaptiveLimitConfiguration(algorithm: algorithm)) }
        return layered(
            "policy/adaptive-limit-\(name)",
            AdaptiveLimitLayer(MinimalTransport(), source: FixedPolicy(limit))
        ).withTwoThreads
    }
}

private func admissionBenchmarks() -> [Benchmark] {
    let leaf = MinimalTransport()
    let envoy = valid { try AdmissionControl(.envoy) }
    let nack = valid { try AdmissionControl(.finagle) }
    let shedder = valid { try LoadShedder(LoadShedderConfiguration(capacity: 1_000)) }
    return layered("policy/admission-envoy", AdmissionControlLayer(leaf, source: FixedPolicy(envoy))).withTwoThreads
        + layered("policy/admission-nack", AdmissionControlLayer(leaf, source: FixedPolicy(nack))).withTwoThreads
        + layered("policy/load-shedding", LoadSheddingLayer(leaf, source: FixedPolicy(shedder))).withTwoThreads
}
