// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Synchronization
import Testing

@Suite struct CircuitBreakerTests {
    struct Broken: Error {}

    private let clock = ManualClock()

    @Test func `it guards any async closure and tells of its changes`() async throws {
        let heard = Mutex<[CircuitBreaker.Change]>([])
        let breaker = CircuitBreaker(CircuitBreakerConfiguration(minimumCalls: 2)) { change in
            heard.withLock { $0.append(change) }
        }
        for _ in 0..<2 {
            await #expect(throws: Broken.self) { try await breaker.run(clock: clock) { throw Broken() } }
        }
        let refusal = await #expect(throws: MeshError.self) { try await breaker.run(clock: clock) {} }
        #expect(refusal?.code == .circuitOpen)
        #expect(refusal?.retryAfter == .seconds(5))
        clock.advance(by: .seconds(5))
        #expect(try await breaker.run(clock: clock) { 7 } == 7)
        #expect(breaker.state == .closed)
        let states = heard.withLock { $0.map(\.to) }
        #expect(states.count == 3 && states.last == .closed && states[1] == .halfOpen)
    }

    @Test func `a caller's own cancellation neither opens nor closes it`() async throws {
        let breaker = CircuitBreaker(CircuitBreakerConfiguration(minimumCalls: 1))
        for _ in 0..<10 {
            await #expect(throws: CancellationError.self) {
                try await breaker.run(clock: clock) { throw CancellationError() }
            }
        }
        #expect(breaker.state == .closed)
        await #expect(throws: Broken.self) { try await breaker.run(clock: clock) { throw Broken() } }
        clock.advance(by: .seconds(5))
        await #expect(throws: CancellationError.self) {
            try await breaker.run(clock: clock) { throw CancellationError() }
        }
        #expect(breaker.state == .halfOpen)
    }

    @Test func `a configuration names every bound that is broken`() {
        let configuration = CircuitBreakerConfiguration(
            failureRate: .nan,
            minimumCalls: 0,
            window: .zero,
            openDuration: .zero,
            probes: 0
        )
        let error = #expect(throws: ConfigurationError.self) { try configuration.validate() }
        #expect(
            error?.problems.map(\.path) == ["failureRate", "minimumCalls", "window", "openDuration", "probes"]
        )
        #expect(throws: Never.self) { try CircuitBreakerConfiguration().validate() }
    }
}
