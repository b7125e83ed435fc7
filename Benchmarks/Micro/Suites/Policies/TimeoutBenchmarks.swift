// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience

/// Deadlines as values, and timeouts around operations that are in time.
func timeoutBenchmarks() -> [Benchmark] {
    let (clock, leaf) = (SystemClock(), MinimalTransport())
    let limit = FixedPolicy(Nanoseconds.seconds(30))
    let timeout = Timeout(.seconds(30))
    let filter = valid { try ExpiredRequestFilter() }
    return [
        layered("policy/total-timeout", DeadlineLayer(leaf, scope: .request, source: limit, clock: clock)),
        layered("policy/attempt-timeout", DeadlineLayer(leaf, scope: .attempt, source: limit, clock: clock)),
        layered("policy/expired-request", ExpiredRequestLayer(leaf, source: FixedPolicy(filter))),
        Benchmark("policy/timeout-run", leaf: "leaf/operation") {
            await repeatedly($0) { try await timeout.run { try await operation() } }
        },
        Benchmark("policy/timeout-abandoning", leaf: "leaf/operation") {
            await repeatedly($0) { try await timeout.runAbandoning { try await operation() } }
        },
    ]
}

/// What programs do without this library, to compare with.
func idiomBenchmarks() -> [Benchmark] {
    [
        Benchmark("idiom/task-group-timeout") {
            await repeatedly($0) {
                try await withThrowingTaskGroup(of: Int.self) { group in
                    group.addTask { try await operation() }
                    group.addTask {
                        try await Task.sleep(for: .seconds(30))
                        throw CancellationError()
                    }
                    defer { group.cancelAll() }
                    return try await group.next() ?? 0
                }
            }
        }
    ]
}
