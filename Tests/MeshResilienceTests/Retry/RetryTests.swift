// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Testing

@Suite struct RetryTests {
    struct Broken: Error {}

    private let clock = ManualClock()
    private let policy = RetryPolicy(
        maximumAttempts: 3,
        conditions: .serverError,
        backoff: Backoff(base: Nanoseconds(rawValue: 1), maximum: Nanoseconds(rawValue: 1))
    )

    @Test func `any async closure is run again until it succeeds`() async throws {
        let value = try await Retry(policy).run(clock: clock) { attempt in
            if attempt < 3 { throw Broken() }
            return attempt
        }
        #expect(value == 3)
    }

    @Test func `the last error is the caller's`() async {
        var attempts = 0
        await #expect(throws: Broken.self) {
            try await Retry(policy, budget: nil).run(clock: clock) { attempt in
                attempts = attempt
                throw Broken()
            }
        }
        #expect(attempts == 3)
    }

    @Test func `what may not run twice runs once, unless it never left`() async {
        var attempts = 0
        await #expect(throws: Broken.self) {
            try await Retry(policy).run(isIdempotent: false, clock: clock) { attempt in
                attempts = attempt
                throw Broken()
            }
        }
        #expect(attempts == 1)
        await #expect(throws: MeshError.self) {
            try await Retry(policy).run(isIdempotent: false, clock: clock) { attempt in
                attempts = attempt
                throw MeshError(.connectionFailed, origin: .upstream, message: "")
            }
        }
        #expect(attempts == 3)
    }

    @Test func `a cancellation is never retried`() async {
        var attempts = 0
        await #expect(throws: CancellationError.self) {
            try await Retry(policy).run(clock: clock) { attempt in
                attempts = attempt
                throw CancellationError()
            }
        }
        #expect(attempts == 1)
    }

    @Test func `a policy names every bound that is broken`() {
        let broken = RetryPolicy(
            maximumAttempts: 0,
            retriableStatusCodes: [200, 42],
            perTryTimeout: .zero,
            backoff: Backoff(base: .zero)
        )
        let error = #expect(throws: ConfigurationError.self) { try broken.validate() }
        #expect(
            error?.problems.map(\.path) == [
                "maximumAttempts", "perTryTimeout", "retriableStatusCodes[1]", "backoff.base",
            ]
        )
    }
}
