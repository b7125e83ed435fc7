// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Testing

/// A timeout of each attempt, and the policies around it that live from hearing that the peer is too slow.
@Suite struct TimeoutCompositionTests {
    private let clock = ManualClock()

    /// Runs a call whose operation hangs until its timeout of a second cancels it.
    private func outcome(
        of call: @escaping @Sendable (@escaping @Sendable () async throws -> Int) async throws -> Int
    ) async throws -> MeshError? {
        let clock = clock
        let timeout = try Timeout(TimeoutConfiguration(duration: .seconds(1)), clock: clock)
        let failure = Task {
            await #expect(throws: MeshError.self) {
                try await call {
                    try await timeout.run {
                        try await rest(.seconds(60), on: clock)
                        return 1
                    }
                }
            }
        }
        await clock.waitForSleepers(2)
        clock.advance(by: .seconds(1))
        return await failure.value
    }

    @Test func `a breaker around a timeout opens for a peer that is too slow`() async throws {
        let breaker = try CircuitBreaker(CircuitBreakerConfiguration(minimumCalls: 3), clock: clock)
        for _ in 0..<3 {
            let error = try await outcome { operation in try await breaker.run { try await operation() } }
            #expect(error?.code == .deadlineExceeded)
        }
        #expect(breaker.metrics.failures == 3)
        #expect(breaker.state != .closed)
    }

    @Test func `admission control around a timeout hears that the peer is too slow`() async throws {
        let control = try AdmissionControl(.envoy, clock: clock, random: MeshRandom(seed: 1))
        for _ in 0..<3 { _ = try await outcome { operation in try await control.run { try await operation() } } }
        #expect(control.refusalShare > 0)
    }

    @Test func `a retry around a timeout makes another attempt`() async throws {
        let clock = clock
        let retry = try Retry(
            RetryPolicy(maximumAttempts: 2, conditions: .serverError, backoff: .none),
            budget: nil,
            clock: clock
        )
        let timeout = try Timeout(TimeoutConfiguration(duration: .seconds(1)), clock: clock)
        async let answer = retry.run { attempt in
            try await timeout.run {
                if attempt == 1 { try await rest(.seconds(60), on: clock) }
                return attempt
            }
        }
        await clock.waitForSleepers(2)
        clock.advance(by: .seconds(1))
        #expect(try await answer == 2)
    }

    @Test func `a retry does not take the end of its own time for an attempt's`() async throws {
        let (clock, attempts) = (clock, Journal<Int>())
        let retry = try Retry(
            RetryPolicy(maximumAttempts: 3, conditions: .serverError, backoff: .none),
            budget: nil,
            clock: clock
        )
        let deadline = Deadline(.seconds(1), after: clock.now)
        let error = await #expect(throws: MeshError.self) {
            try await retry.run(deadline: deadline) { attempt in
                attempts.append(attempt)
                clock.advance(by: .seconds(1))
                throw MeshError(.deadlineExceeded, origin: .upstream, requestState: .maybeSent, message: "late")
            }
        }
        #expect(error?.code == .deadlineExceeded && attempts.all == [1])
    }

    @Test func `a deadline that this process found to have passed is no attempt's timeout`() async throws {
        let attempts = Journal<Int>()
        let retry = try Retry(
            RetryPolicy(maximumAttempts: 3, conditions: .serverError, backoff: .none),
            budget: nil,
            clock: clock
        )
        await #expect(throws: MeshError.self) {
            try await retry.run { attempt in
                attempts.append(attempt)
                throw MeshError(.deadlineExceeded, origin: .local, message: "passed before the attempt")
            }
        }
        #expect(attempts.all == [1])
    }

    @Test func `a command tells its own timeout from one that its operation ran into`() async throws {
        let clock = clock
        let command = try Command<Int, Int>("GetRatings", clock: clock) { number in
            if number == 0 {
                throw MeshError(.deadlineExceeded, origin: .upstream, requestState: .maybeSent, message: "below")
            }
            try await rest(.seconds(60), on: clock)
            return number
        }
        await #expect(throws: MeshError.self) { try await command.execute(0) }
        #expect(command.metrics.count(of: .failure) == 1 && command.metrics.count(of: .timeout) == 0)
        async let late = #expect(throws: MeshError.self) { try await command.execute(1) }
        await clock.waitForSleepers(2)
        clock.advance(by: .seconds(1))
        #expect(await late?.code == .deadlineExceeded)
        #expect(command.metrics.count(of: .timeout) == 1 && command.metrics.count(of: .failure) == 1)
    }
}
