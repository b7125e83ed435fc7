// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Synchronization
import Testing

@Suite struct CircuitBreakerContentionTests {
    private let clock = ManualClock()

    /// A clock that counts how often it is read.
    final class CountingClock: MeshClock {
        let reads = Atomic<Int>(0)

        var now: MeshInstant {
            reads.add(1, ordering: .relaxed)
            return MeshInstant(nanoseconds: 1_000_000_000)
        }

        func sleep(until deadline: MeshInstant) async throws {}
    }

    @Test(arguments: [
        (CircuitBreakerConfiguration(), 1), (CircuitBreakerConfiguration(callWindow: 100), 0), (.gobreaker, 0),
        (.hystrix, 1), (.resilience4j, 2), (CircuitBreakerConfiguration(mode: .disabled), 1),
    ])
    func `a call that succeeds reads the clock no more often than the rules need`(
        configuration: CircuitBreakerConfiguration,
        reads: Int
    ) async throws {
        let clock = CountingClock()
        let breaker = try CircuitBreaker(configuration, clock: clock)
        let before = clock.reads.load(ordering: .relaxed)
        for _ in 0..<10 { try await breaker.run {} }
        #expect(clock.reads.load(ordering: .relaxed) - before == 10 * reads)
        #expect(breaker.metrics.consecutiveSuccesses == (configuration.mode == .disabled ? 0 : 10))
    }

    @Test func `the counts come out right when eight tasks hammer it`() async throws {
        let configuration = CircuitBreakerConfiguration(failureRate: 1, minimumCalls: 1_000_000, window: .forever)
        let breaker = try CircuitBreaker(configuration, clock: clock)
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask {
                    for number in 0..<2_000 {
                        _ = try? await breaker.run {
                            if number % 4 == 0 { throw Broken() }
                            if number % 4 == 1 { throw CancellationError() }
                            if task == 0 { await Task.yield() }
                        }
                    }
                }
            }
        }
        let metrics = breaker.metrics
        #expect(metrics.calls == 12_000 && metrics.failures == 4_000 && metrics.state == .closed)
    }

    final class Tally: Sendable {
        let running = Atomic<Int>(0)
        let most = Atomic<Int>(0)
        let passed = Atomic<Int>(0)
    }

    @Test func `never more probes than permits run at once, and every one is given back`() async throws {
        let configuration = CircuitBreakerConfiguration(
            probes: 3,
            recovery: .successes(10_000),
            initialState: .halfOpen
        )
        let breaker = try CircuitBreaker(configuration, clock: clock)
        let tally = Tally()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask {
                    for number in 0..<500 {
                        // Every third permit is dropped, so that giving back is raced, too.
                        guard let permit = try? breaker.acquire() else {
                            await Task.yield()
                            continue
                        }
                        tally.most.max(tally.running.add(1, ordering: .relaxed).newValue, ordering: .relaxed)
                        await Task.yield()
                        tally.running.subtract(1, ordering: .relaxed)
                        tally.passed.add(1, ordering: .relaxed)
                        if (task + number) % 3 != 0 { permit.end(.success) }
                    }
                }
            }
            try await group.waitForAll()
        }
        let passed = tally.passed.load(ordering: .relaxed)
        #expect(tally.most.load(ordering: .relaxed) <= 3)
        #expect(passed >= 500)
        let metrics = breaker.metrics
        #expect(metrics.probesOut == 0 && metrics.state == .halfOpen)
        #expect(Int(metrics.refused) + passed == 4_000)
    }
}
