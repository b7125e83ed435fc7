// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Testing

@Suite struct RetryTests {
    struct Broken: Error {}

    private let clock = SteppingClock()
    private let policy = RetryPolicy(maximumAttempts: 3, conditions: .serverError, backoff: .none)

    private func retry(
        _ policy: RetryPolicy? = nil,
        budget: RetryBudget? = nil,
        observers: ObserverSet = .none
    ) throws -> Retry {
        try Retry(
            policy ?? self.policy,
            budget: budget,
            name: "page",
            observers: observers,
            clock: clock,
            random: MeshRandom(seed: 1)
        )
    }

    private static let refused = MeshError(.connectionFailed, origin: .upstream, message: "refused")

    @Test func `any async closure is run again until it succeeds`() async throws {
        let value = try await retry().run { attempt in
            if attempt < 3 { throw Broken() }
            return attempt
        }
        #expect(value == 3)
        var runs = 0
        let plain: Int = try await retry().run {
            runs += 1
            if runs < 2 { throw Broken() }
            return 7
        }
        #expect(plain == 7 && runs == 2)
    }

    @Test func `the last error is the caller's`() async throws {
        var attempts = 0
        await #expect(throws: Broken.self) {
            try await retry().run { attempt in
                attempts = attempt
                throw Broken()
            }
        }
        #expect(attempts == 3)
    }

    @Test func `a mesh error after all attempts says so, and no retry further out repeats it`() async throws {
        let outer = try retry(
            RetryPolicy(maximumAttempts: 4, conditions: [.serverError, .connectFailure], backoff: .none)
        )
        var attempts = 0
        let error = await #expect(throws: MeshError.self) {
            try await outer.run { _ in
                try await retry().run { _ in
                    attempts += 1
                    throw Self.refused
                }
            }
        }
        #expect(attempts == 3)
        #expect(error?.code == .retriesExhausted && error?.attempt == 1)
        #expect((error?.cause as? MeshError)?.code == .connectionFailed)
    }

    @Test func `a value that is rejected is asked for again, and the last one returned`() async throws {
        let better = try await retry().run(rejecting: { $0 < 2 }) { attempt in attempt }
        #expect(better == 2)
        let last = try await retry().run(rejecting: { _ in true }) { attempt in attempt }
        #expect(last == 3)
        // Whoever answered has worked: only what may run twice runs twice.
        let once = try await retry().run(isIdempotent: false, rejecting: { _ in true }) { attempt in attempt }
        #expect(once == 1)
    }

    @Test func `what may not run twice runs once, unless it never left`() async throws {
        var attempts = 0
        await #expect(throws: Broken.self) {
            try await retry().run(isIdempotent: false) { attempt in
                attempts = attempt
                throw Broken()
            }
        }
        #expect(attempts == 1)
        await #expect(throws: MeshError.self) {
            try await retry().run(isIdempotent: false) { attempt in
                attempts = attempt
                throw Self.refused
            }
        }
        #expect(attempts == 3)
    }

    @Test func `a cancellation is never retried`() async throws {
        var attempts = 0
        await #expect(throws: CancellationError.self) {
            try await retry().run { attempt in
                attempts = attempt
                throw CancellationError()
            }
        }
        #expect(attempts == 1)
    }

    @Test func `row 99: a call that is run for a retry is not retried here`() async throws {
        let observer = RecordingObserver()
        var attempts = 0
        await #expect(throws: Broken.self) {
            try await retry(observers: ObserverSet([observer])).run(isAlreadyRetried: true) { attempt in
                attempts = attempt
                throw Broken()
            }
        }
        #expect(attempts == 1)
        #expect(observer.decisions.map(\.action) == [.refused] && observer.decisions.map(\.reason) == [.limit])
    }

    @Test func `the application's own rule has the first word, and none about safety`() async throws {
        let rule = RetryPredicate("broken") { attempt in
            if attempt.error is Broken { return attempt.number < 2 ? .retry : .stop }
            return .undecided
        }
        let judged = try retry(RetryPolicy(maximumAttempts: 9, conditions: [], backoff: .none, predicate: rule))
        var attempts = 0
        await #expect(throws: Broken.self) {
            try await judged.run { attempt in
                attempts = attempt
                throw Broken()
            }
        }
        #expect(attempts == 2)
        await #expect(throws: Broken.self) {
            try await judged.run(isIdempotent: false) { attempt in
                attempts = attempt
                throw Broken()
            }
        }
        #expect(attempts == 1)
    }

    @Test func `no attempt begins after the total time`() async throws {
        let observer = RecordingObserver()
        let policy = RetryPolicy(
            maximumAttempts: 10,
            conditions: .serverError,
            backoff: .constant(.seconds(1)),
            totalTime: .milliseconds(2500)
        )
        var attempts = 0
        await #expect(throws: Broken.self) {
            try await retry(policy, observers: ObserverSet([observer])).run { attempt in
                attempts = attempt
                throw Broken()
            }
        }
        #expect(attempts == 3 && clock.waits == [.seconds(1), .seconds(1)])
        #expect(observer.decisions.map(\.action) == [.retried, .retried, .refused])
        #expect(observer.decisions.last?.reason == .deadline)
    }

    @Test(arguments: [(2, true, 2), (300, true, 2), (301, true, 0), (2, false, 0)])
    func `an error that says when to come back is obeyed within bounds, spread upwards by half`(
        seconds: UInt64,
        isHeard: Bool,
        waits: Int
    ) async throws {
        var policy = policy
        if !isHeard { policy.rateLimitedBackoff = nil }
        let retry = try retry(policy)
        await #expect(throws: MeshError.self) {
            try await retry.run { _ in
                throw MeshError(
                    .connectionFailed,
                    origin: .upstream,
                    message: "busy",
                    retryAfter: .seconds(seconds)
                )
            }
        }
        #expect(clock.waits.count == waits)
        #expect(clock.waits.allSatisfy { $0 >= .seconds(seconds) && $0.seconds < Double(seconds) * 1.5 })
    }

    @Test func `observe-only says what would be retried or refused, and does neither`() async throws {
        let observer = RecordingObserver()
        let budget = try RetryBudget(RetryBudgetConfiguration(percent: 0, minimumPerSecond: 1, timeToLive: .seconds(1)))
        var policy = self.policy
        policy.mode = .observe
        let retry = try retry(policy, budget: budget, observers: ObserverSet([observer]))
        var attempts = 0
        for _ in 0..<2 {
            await #expect(throws: Broken.self) {
                try await retry.run { _ in
                    attempts += 1
                    throw Broken()
                }
            }
        }
        // A dry run takes nothing that an enforced policy could miss.
        #expect(attempts == 2 && budget.balance(at: clock.now) == 1)
        #expect(budget.withdraw(at: clock.now))
        await #expect(throws: Broken.self) { try await retry.run { _ in throw Broken() } }
        #expect(observer.decisions.map(\.action) == [.retried, .retried, .refused])
        #expect(observer.decisions.map(\.isEnforced) == [false, false, false])
    }

    @Test func `disabled runs it once and remembers nothing`() async throws {
        let observer = RecordingObserver()
        let budget = try RetryBudget(RetryBudgetConfiguration(percent: 100, minimumPerSecond: 0))
        var policy = self.policy
        policy.mode = .disabled
        var attempts = 0
        await #expect(throws: Broken.self) {
            try await retry(policy, budget: budget, observers: ObserverSet([observer])).run { _ in
                attempts += 1
                throw Broken()
            }
        }
        #expect(attempts == 1 && observer.events.isEmpty && budget.balance(at: clock.now) == 0)
    }

    @Test func `a success tells nobody and waits for nothing`() async throws {
        let observer = RecordingObserver()
        _ = try await retry(observers: ObserverSet([observer])).run { $0 }
        #expect(observer.events.isEmpty && clock.waits.isEmpty)
    }

    @Test func `a policy names every bound that is broken, and no retry is made of it`() {
        let broken = RetryPolicy(
            maximumAttempts: 0,
            retriableStatusCodes: [200, 42],
            perTryTimeout: .zero,
            backoff: Backoff(base: .zero),
            totalTime: .zero,
            rateLimitedBackoff: RateLimitedBackoff(headers: [], maximum: .zero),
            attemptCeiling: 0,
            chainStop: .header(""),
            budgetShare: .nan
        )
        let error = #expect(throws: ConfigurationError.self) { _ = try Retry(broken) }
        #expect(
            error?.problems.map(\.path) == [
                "maximumAttempts", "perTryTimeout", "retriableStatusCodes[1]", "backoff.base", "totalTime",
                "rateLimitedBackoff.headers", "rateLimitedBackoff.maximum", "attemptCeiling", "chainStop.header",
                "budgetShare",
            ]
        )
    }

    @Test func `every setting says its value and, where nobody set it, whose default it is`() {
        let standard = RetryPolicy().settings
        #expect(standard.allSatisfy { if case .standard = $0.source { true } else { false } })
        let set = RetryPolicy(maximumAttempts: 5, conditions: .serverError, mode: .observe).settings
        #expect(set.count == standard.count)
        let configured = set.filter { $0.source == .configured("") }.map(\.name)
        #expect(configured == ["mode", "maximumAttempts", "conditions"])
    }
}
