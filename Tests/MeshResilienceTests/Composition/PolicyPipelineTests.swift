// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Synchronization
import Testing

@Suite struct PolicyPipelineTests {
    private struct Broken: Error {}

    private let clock = ManualClock()

    /// One of each policy that can stand in a pipeline, with room for everything.
    private func policies() throws -> [any ResiliencePolicy] {
        let timeout = try Timeout(TimeoutConfiguration(duration: .seconds(60)), clock: clock)
        return [
            try LoadShedder(LoadShedderConfiguration(capacity: 100), clock: clock),
            try FaultInjector(FaultConfiguration(), clock: clock),
            try RateLimiter(RateLimitConfiguration(rate: 1_000_000, per: .seconds(1)), clock: clock),
            timeout,
            try AdmissionControl(.envoy, clock: clock),
            try Retry(RetryPolicy(maximumAttempts: 2), clock: clock),
            try Hedging(HedgingConfiguration(delay: .fixed(.seconds(30))), clock: clock),
            try AdaptiveLimit(clock: clock),
            try Bulkhead(clock: clock),
            try CircuitBreaker(CircuitBreakerConfiguration(), clock: clock),
            timeout.perAttempt,
        ]
    }

    @Test func `policies are sorted into the canonical order`() async throws {
        let pipeline = try PolicyPipeline("all", policies().reversed())
        let slots = pipeline.describe().policies.map(\.slot)
        #expect(slots == slots.sorted() && slots.count == 11)
        #expect(pipeline.describe().problems.isEmpty)
        #expect(try await pipeline.run { 5 } == 5)
    }

    @Test func `an order that does harm is refused with every problem, unless one insists`() async throws {
        let retry = try Retry(RetryPolicy(maximumAttempts: 3), clock: clock)
        let breaker = try CircuitBreaker(CircuitBreakerConfiguration(), clock: clock)
        let timeout = Timeout(.seconds(1), clock: clock)
        let error = #expect(throws: ConfigurationError.self) {
            try PolicyPipeline(outermostFirst: [breaker, retry, timeout])
        }
        #expect(error?.problems.map(\.path) == ["policies[1]", "policies[2]"])
        let insisted = try PolicyPipeline(outermostFirst: [breaker, retry, timeout], isChecked: false)
        #expect(insisted.describe().problems.count == 2)
        #expect(try await insisted.run { 1 } == 1)
    }

    @Test func `every pair of policies lets a value and an error through, in either order`() async throws {
        let count = try policies().count
        for outer in 0..<count {
            for inner in 0..<count where inner != outer {
                let both = try policies()
                let pipeline = try PolicyPipeline(outermostFirst: [both[outer], both[inner]], isChecked: false)
                #expect(try await pipeline.run { outer } == outer)
                let runs = Mutex(0)
                await #expect(throws: (any Error).self) {
                    try await pipeline.run {
                        runs.withLock { $0 += 1 }
                        throw CancellationError()
                    }
                }
                // Whoever retries or hedges does not do so for a caller that has given up.
                #expect(runs.withLock { $0 } == 1)
            }
        }
    }

    @Test func `a retry outside a breaker is scored attempt by attempt`() async throws {
        let breaker = try CircuitBreaker(CircuitBreakerConfiguration(failureRate: 1, minimumCalls: 3), clock: clock)
        let retry = try Retry(
            RetryPolicy(maximumAttempts: 3, conditions: .serverError, backoff: .none),
            budget: nil,
            clock: clock
        )
        let pipeline = try PolicyPipeline("ratings", [breaker, retry])
        await #expect(throws: (any Error).self) { try await pipeline.run { () -> Int in throw Broken() } }
        #expect(breaker.state != .closed)
    }
}
