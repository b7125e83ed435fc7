// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Testing

/// What the layer does beyond failed statuses: modes, an application's rule, statuses that look like successes.
@Suite struct RetryLayerModesTests {
    private let clock = SteppingClock()

    private func send(
        _ script: [InMemoryTransport.Step],
        _ policy: RetryPolicy,
        budget: RetryBudget? = nil
    ) async throws -> (status: Int?, attempts: Int, decisions: [PolicyDecision]) {
        let observer = RecordingObserver()
        let network = InMemoryTransport(script, clock: clock)
        let contract = TransportContract(network)
        let layer = RetryLayer(
            contract,
            source: FixedPolicy(try Retry(policy, budget: budget, name: "reviews")),
            clock: clock,
            random: MeshRandom(seed: 1),
            observers: ObserverSet([observer])
        )
        var context = CallContext(now: clock.now)
        let status = try? await layer.withResponse(to: InMemoryRequest(), context: &context) { $0.statusCode }
        #expect(contract.violations.isEmpty && context.openExchanges == 0 && context.heldPermits.isEmpty)
        return (status, network.sent.count, observer.decisions)
    }

    @Test(arguments: [InMemoryTransport.Step.status(503), .refuseConnection])
    func `observe-only says once what it would have retried`(step: InMemoryTransport.Step) async throws {
        let policy = RetryPolicy(conditions: [.serverError, .connectFailure], backoff: .none, mode: .observe)
        let budget = try RetryBudget(ConcurrencyRetryBudgetConfiguration(percent: 0, minimum: 1))
        let (_, attempts, decisions) = try await send([step], policy, budget: budget)
        #expect(attempts == 1)
        #expect(
            decisions == [PolicyDecision(.retry, name: "reviews", .retried, because: .failure, isEnforced: false)]
        )
        #expect(budget.balance(at: clock.now) == 1)
    }

    @Test func `disabled sends once, says nothing and asks no budget`() async throws {
        let policy = RetryPolicy(conditions: .serverError, backoff: .none, mode: .disabled)
        let budget = try RetryBudget(RetryBudgetConfiguration(percent: 100, minimumPerSecond: 0))
        let (status, attempts, decisions) = try await send([.status(503)], policy, budget: budget)
        #expect(status == 503 && attempts == 1 && decisions.isEmpty && budget.balance(at: clock.now) == 0)
    }

    @Test func `a rule may retry what looks like a success, and leave what looks like a failure`() async throws {
        let rule = RetryPredicate("accepted") { attempt in
            switch attempt.failure {
            case .response(status: 202, _): .retry
            case .response(status: 503, _): .stop
            default: .undecided
            }
        }
        let policy = RetryPolicy(maximumAttempts: 3, conditions: .serverError, backoff: .none, predicate: rule)
        #expect(try await send([.status(202), .status(200)], policy).attempts == 2)
        #expect(try await send([.status(503)], policy).attempts == 1)
        #expect(try await send([.status(500), .status(200)], policy).status == 200)
    }

    @Test func `a status below 400 is retried if it is named`() async throws {
        let policy = RetryPolicy(conditions: .retriableStatusCodes, retriableStatusCodes: [302], backoff: .none)
        #expect(try await send([.status(302), .status(200)], policy).attempts == 2)
        #expect(try await send([.status(204)], policy).attempts == 1)
    }

    @Test func `a success that was looked at counts as one for the budget`() async throws {
        let budget = try RetryBudget(ThrottleRetryBudgetConfiguration(maximumTokens: 10, tokenRatio: 1))
        for _ in 0..<3 { budget.attemptFailed() }
        let policy = RetryPolicy(predicate: RetryPredicate("none") { _ in .undecided })
        _ = try await send([.status(200)], policy, budget: budget)
        #expect(budget.balance(at: clock.now) == 3)
        // A failure that nobody would retry is neither.
        _ = try await send([.status(404)], policy, budget: budget)
        #expect(budget.balance(at: clock.now) == 3)
    }

    @Test func `a throttle hears every failure that is worth a retry, and each success`() async throws {
        let budget = try RetryBudget(ThrottleRetryBudgetConfiguration(maximumTokens: 4, tokenRatio: 0.5))
        let policy = RetryPolicy(maximumAttempts: 5, conditions: .serverError, backoff: .none)
        // Two failures leave half of the tokens: the second gets no retry.
        #expect(try await send([.status(503)], policy, budget: budget).attempts == 2)
        #expect(try await send([.status(200)], policy, budget: budget).attempts == 1)
        // 2 + 0.5 - 1 is too little again.
        #expect(try await send([.status(503)], policy, budget: budget).attempts == 1)
    }

    @Test func `a time-out is told as one, and charged as one`() async throws {
        let budget = try RetryBudget(QuotaRetryBudgetConfiguration.legacy)
        let late = MeshError(.attemptTimeout, origin: .upstream, requestState: .maybeSent, message: "late")
        let policy = RetryPolicy(conditions: .gatewayError, backoff: .none)
        let (status, _, decisions) = try await send([.fail(late), .status(404)], policy, budget: budget)
        #expect(status == 404 && decisions.map(\.reason) == [.deadline])
        #expect(budget.balance(at: clock.now) == Double(490 / 5))
    }
}
