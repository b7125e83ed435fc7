// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Testing

@Suite struct CircuitBreakerCancellationTests {
    private let clock = ManualClock()

    /// Sleeps three times, so that there are three points to be cancelled at.
    private static func work(_ clock: ManualClock) async throws {
        for _ in 0..<3 { try await clock.sleep(until: clock.now.advanced(by: .seconds(1))) }
    }

    @Test(arguments: [0, 1, 2], [false, true])
    func `a caller that is cancelled at any await neither opens nor closes it, and leaks no permit`(
        point: Int,
        isHalfOpen: Bool
    ) async throws {
        let configuration = CircuitBreakerConfiguration(minimumCalls: 1, initialState: isHalfOpen ? .halfOpen : .closed)
        let breaker = try CircuitBreaker(configuration, clock: clock)
        let before = breaker.state
        let task = Task { [clock] in try await breaker.run { try await Self.work(clock) } }
        for _ in 0..<point {
            await clock.waitForSleepers()
            clock.advance(by: .seconds(1))
        }
        await clock.waitForSleepers()
        #expect(breaker.metrics.probesOut == (isHalfOpen ? 1 : 0))
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        let metrics = breaker.metrics
        #expect(metrics.state == before && metrics.calls == 0 && metrics.probesOut == 0)
        try await breaker.run {}
        #expect(breaker.state == .closed)
    }

    @Test func `a cancelled call counts for nothing in whatever words it says so`() async throws {
        let breaker = try CircuitBreaker(CircuitBreakerConfiguration(minimumCalls: 1), clock: clock)
        let task = Task { [clock] in
            try await breaker.run {
                do { try await Self.work(clock) } catch { throw Broken() }
            }
        }
        await clock.waitForSleepers()
        task.cancel()
        await #expect(throws: Broken.self) { try await task.value }
        #expect(breaker.state == .closed && breaker.metrics.calls == 0)
    }

    @Test func `what this process refused below it counts for nothing`() async throws {
        let breaker = try CircuitBreaker(CircuitBreakerConfiguration(minimumCalls: 1), clock: clock)
        let overflow = MeshError(.overflow, origin: .local, message: "full")
        await #expect(throws: MeshError.self) { try await breaker.run { throw overflow } }
        #expect(breaker.metrics.calls == 0)
    }

    @Test func `a permit that is dropped gives its place back, and one that is ended counts`() throws {
        let breaker = try CircuitBreaker(
            CircuitBreakerConfiguration(probes: 2, initialState: .halfOpen),
            clock: clock
        )
        do {
            let dropped = try breaker.acquire()
            #expect(breaker.metrics.probesOut == 1)
            _ = consume dropped
        }
        #expect(breaker.metrics.probesOut == 0 && breaker.metrics.calls == 0)
        let first = try breaker.acquire()
        let second = try breaker.acquire()
        #expect(throws: MeshError.self) { _ = try breaker.acquire() }
        first.end(.success)
        #expect(breaker.state == .halfOpen && breaker.metrics.calls == 1)
        second.end(.success)
        #expect(breaker.state == .closed)
        try breaker.acquire().end(.success, isOverload: true)
        #expect(breaker.metrics.failures == 1)
    }
}
