// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience

/// Every policy of MeshResilience on the path on which nothing goes wrong, alone around the leaf. The policies that calls
/// share are also measured with two threads at them.
func policyBenchmarks() -> [Benchmark] {
    retryBenchmarks() + timeoutBenchmarks() + breakerBenchmarks() + limitBenchmarks() + rateBenchmarks()
        + answerBenchmarks() + compositionBenchmarks()
}

/// What a benchmark is made of; its configuration is valid.
func valid<Value>(_ make: () throws -> Value) -> Value {
    do {
        return try make()
    } catch {
        fatalError("a benchmark's configuration is invalid: \(error)")
    }
}

/// One layer around the leaf.
@inline(__always)
func layered<Layer: Transport>(
    _ name: String,
    _ layer: Layer,
    _ request: MinimalRequest = MinimalRequest()
) -> Benchmark where Layer.Request == MinimalRequest, Layer.Response == MinimalResponse {
    Benchmark(name, leaf: "leaf/transport") { await exchange(layer, $0, request) }
}

/// What policies are put around where no transport is.
@inline(never)
func operation() async throws -> Int { 7 }

/// Repeats one call of a policy's `run`.
@inline(__always)
func repeatedly(_ iterations: Int, _ call: () async throws -> Int) async {
    for _ in 0..<iterations {
        guard (try? await call()) == 7 else { fatalError("a benchmark failed") }
    }
}

/// The operation by itself, and the transport by itself.
func leafBenchmarks() -> [Benchmark] {
    [
        Benchmark("leaf/operation") { await repeatedly($0) { try await operation() } },
        Benchmark("leaf/transport") { await exchange(MinimalTransport(), $0) },
        Benchmark("leaf/suspending") { await exchange(SuspendingTransport(), $0) },
    ]
}
