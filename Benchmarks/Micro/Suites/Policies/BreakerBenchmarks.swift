// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience

/// Circuit breakers that are closed, with each window, and one that is open.
func breakerBenchmarks() -> [Benchmark] {
    let windows: [(String, CircuitBreakerConfiguration)] = [
        ("time-window", CircuitBreakerConfiguration()), ("count-window", CircuitBreakerConfiguration(callWindow: 100)),
    ]
    let open = valid { try CircuitBreaker(CircuitBreakerConfiguration()) }
    open.force(.open)
    return windows.flatMap { name, configuration in
        let breaker = valid { try CircuitBreaker(configuration) }
        let layer = CircuitBreakerLayer(MinimalTransport(), source: FixedPolicy(breaker))
        let run = Benchmark("policy/breaker-\(name)-run", leaf: "leaf/operation") {
            await repeatedly($0) { try await breaker.run { try await operation() } }
        }
        return layered("policy/breaker-\(name)", layer).withTwoThreads + run.withTwoThreads
    } + [
        Benchmark("policy/breaker-open-refuses") { iterations in
            for _ in 0..<iterations {
                guard (try? await open.run { try await operation() }) == nil else { fatalError("a call passed") }
            }
        }
    ]
}
