// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Testing

@Suite struct RetryBudgetTests {
    private let now = MeshInstant(nanoseconds: 1_000_000_000)
    private static let plans: [@Sendable (PolicyMode) -> any RetryBudgetPlan] = [
        { RetryBudgetConfiguration(percent: 0, minimumPerSecond: 0, mode: $0) },
        { ConcurrencyRetryBudgetConfiguration(percent: 0, minimum: 0, mode: $0) },
        { QuotaRetryBudgetConfiguration(capacity: 0, mode: $0) },
    ]

    private func budget(_ plan: some RetryBudgetPlan) throws -> RetryBudget { try RetryBudget(plan) }

    @Test(arguments: 0..<3)
    func `an empty budget refuses, one that observes says so, one that is disabled does not`(kind: Int) throws {
        let empty = try budget(Self.plans[kind](.enforce))
        #expect(!empty.withdraw(at: now) && !empty.allows(at: now))
        if empty.permit(at: now) != nil { Issue.record("granted") }
        for mode in [PolicyMode.observe, .disabled] {
            let lenient = try budget(Self.plans[kind](mode))
            #expect(lenient.mode == mode && lenient.withdraw(at: now) && lenient.allows(at: now))
            guard let permit = lenient.permit(at: now) else {
                Issue.record("refused")
                return
            }
            let isEnforced = permit.isEnforced
            #expect(isEnforced == (mode == .disabled) && permit.taken == nil)
        }
    }

    @Test func `a budget that only observes lets the retry pass and tells what it would have refused`() async throws {
        let observer = RecordingObserver()
        let budget = try RetryBudget(
            RetryBudgetConfiguration(percent: 0, minimumPerSecond: 0, mode: .observe),
            cluster: "reviews"
        )
        let retry = try Retry(
            RetryPolicy(maximumAttempts: 2, conditions: .serverError, backoff: .none),
            budget: budget,
            observers: ObserverSet([observer])
        )
        let value = try await retry.run { attempt in
            if attempt == 1 { throw Broken() }
            return attempt
        }
        #expect(value == 2)
        #expect(observer.decisions.map(\.action) == [.refused, .retried])
        #expect(observer.decisions.map(\.isEnforced) == [false, true])
    }

    struct Broken: Error {}

    @Test func `many tasks at once neither lose nor invent a place`() async throws {
        let budget = try RetryBudget(ConcurrencyRetryBudgetConfiguration(percent: 0, minimum: 7))
        let under = AttemptCounter()
        let granted = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    var granted = 0
                    for round in 0..<2000 {
                        budget.deposit(at: MeshInstant(nanoseconds: UInt64(round)))
                        if let permit = budget.permit(at: MeshInstant(nanoseconds: UInt64(round))) {
                            granted += permit.taken ?? 0
                            under.up()
                            await Task.yield()
                            under.down()
                        }
                        budget.requestEnded()
                    }
                    return granted
                }
            }
            return await group.reduce(0, +)
        }
        #expect(granted > 0 && under.highest <= 7)
        #expect(budget.balance(at: now) == 7)
    }

    @Test func `many tasks at once draw no more than a token budget holds`() async throws {
        let budget = try RetryBudget(
            RetryBudgetConfiguration(percent: 50, minimumPerSecond: 10, timeToLive: .seconds(10))
        )
        let now = now
        let granted = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    (0..<1000).count { _ in
                        budget.deposit(at: now)
                        return budget.withdraw(at: now)
                    }
                }
            }
            return await group.reduce(0, +)
        }
        #expect(granted == 4100)
    }

    @Test func `a strategy of the application's own decides like the package's`() throws {
        struct Never: RetryBudgetStrategy {
            var hearsEndings: Bool { false }
            mutating func requestStarted(at now: MeshInstant) {}
            mutating func requestEnded() {}
            mutating func attemptFailed() {}
            mutating func requestSucceeded(taken: Int?) {}
            mutating func retryWanted(_ cause: RetryCause, at now: MeshInstant) -> Int? {
                cause == .throttled ? 0 : nil
            }
            mutating func retryEnded() {}
            func balance(at now: MeshInstant) -> Double { 0 }
        }
        struct Plan: RetryBudgetPlan {
            static let kind = PolicyKind.retry
            var mode: PolicyMode { .enforce }
            var settings: [PolicySetting] { [] }
            func validate() throws(ConfigurationError) {}
            func makeStrategy() -> any RetryBudgetStrategy { Never() }
        }
        let budget = try RetryBudget(Plan())
        #expect(!budget.allows(at: now) && budget.allows(.throttled, at: now))
    }

    @Test func `every plan says its values and whose defaults they are`() {
        let plans: [any RetryBudgetPlan] = [
            RetryBudgetConfiguration(), ConcurrencyRetryBudgetConfiguration(), QuotaRetryBudgetConfiguration(),
            ThrottleRetryBudgetConfiguration(maximumTokens: 10, tokenRatio: 0.1),
        ]
        let first = plans.map { $0.settings.first?.value }
        #expect(first == ["token", "concurrency", "quota", "throttle"])
        for plan in plans.dropLast() {
            #expect(plan.settings.dropFirst().allSatisfy { if case .standard = $0.source { true } else { false } })
        }
    }

    @Test func `one that observes does not take the end of a retry it would have refused for another's`() throws {
        let budget = try RetryBudget(ConcurrencyRetryBudgetConfiguration(percent: 0, minimum: 2, mode: .observe))
        let now = MeshInstant(nanoseconds: 1)
        for _ in 0..<5 { #expect(budget.withdraw(at: now)) }
        #expect(budget.balance(at: now) == 0)
        // Two of the five go on: both places stay taken.
        for _ in 0..<3 { budget.retryEnded() }
        #expect(budget.balance(at: now) == 0)
        for _ in 0..<2 { budget.retryEnded() }
        #expect(budget.balance(at: now) == 2)
    }
}
