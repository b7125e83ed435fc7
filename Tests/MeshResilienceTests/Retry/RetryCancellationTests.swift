// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Testing

/// The caller gives up at each point at which a retry waits; nothing may leak, and nobody may be blamed.
@Suite struct RetryCancellationTests {
    struct Broken: Error {}

    /// Where the caller gives up.
    enum Point: CaseIterable {
        case firstAttempt
        case wait
        case secondAttempt
    }

    private let clock = ManualClock()

    private func budgets() throws -> [RetryBudget] {
        [
            try RetryBudget(ConcurrencyRetryBudgetConfiguration(percent: 0, minimum: 1)),
            // Here a request that is never ended shows, as above a retry that is not.
            try RetryBudget(ConcurrencyRetryBudgetConfiguration(percent: 100, minimum: 0)),
            try RetryBudget(ThrottleRetryBudgetConfiguration(maximumTokens: 10, tokenRatio: 1)),
            try RetryBudget(QuotaRetryBudgetConfiguration(capacity: 28)),
        ]
    }

    @Test(arguments: Point.allCases)
    func `alone: what was held is given back, and the cancellation is the caller's`(point: Point) async throws {
        let clock = clock
        for budget in try budgets() {
            let before = budget.balance(at: clock.now)
            let policy = RetryPolicy(
                maximumAttempts: 5,
                conditions: .serverError,
                backoff: .constant(point == .wait ? .seconds(1) : .zero)
            )
            let retry = try Retry(policy, budget: budget, clock: clock)
            let attempts = AttemptCounter()
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    await #expect(throws: CancellationError.self) {
                        try await retry.run { attempt in
                            attempts.up()
                            let mustWait = point == .firstAttempt || attempt > 1
                            if mustWait { try await clock.sleep(until: clock.now.advanced(by: .seconds(9))) }
                            throw Broken()
                        }
                    }
                }
                await clock.waitForSleepers()
                group.cancelAll()
            }
            #expect(attempts.now == (point == .secondAttempt ? 2 : 1))
            #expect(budget.balance(at: clock.now) == before - charge(budget, point))
        }
    }

    @Test(arguments: Point.allCases)
    func `as a layer: what was held is given back, and no exchange stays open`(point: Point) async throws {
        let clock = clock
        for budget in try budgets() {
            let before = budget.balance(at: clock.now)
            let script: [InMemoryTransport.Step] = [
                point == .firstAttempt ? .respondAfter(.seconds(9), InMemoryResponse(200)) : .status(503),
                .respondAfter(.seconds(9), InMemoryResponse(200)),
            ]
            let contract = TransportContract(InMemoryTransport(script, clock: clock))
            let policy = RetryPolicy(
                conditions: .serverError,
                backoff: .constant(point == .wait ? .seconds(1) : .zero)
            )
            let layer = RetryLayer(
                contract,
                source: FixedPolicy(try Retry(policy, budget: budget)),
                clock: clock,
                random: MeshRandom(seed: 1)
            )
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    var context = CallContext(now: clock.now)
                    await #expect(throws: CancellationError.self) {
                        _ = try await layer.send(InMemoryRequest(), context: &context)
                    }
                    #expect(context.openExchanges == 0 && context.heldPermits.isEmpty)
                }
                await clock.waitForSleepers()
                group.cancelAll()
            }
            #expect(contract.violations.isEmpty)
            #expect(budget.balance(at: clock.now) == before - charge(budget, point))
        }
    }

    /// A throttle counts the first attempt's failure and a quota what the retry cost; a place is never kept.
    private func charge(_ budget: RetryBudget, _ point: Point) -> Double {
        point == .firstAttempt || budget.plan is ConcurrencyRetryBudgetConfiguration ? 0 : 1
    }

    @Test func `every way out of a call ends its request in the budget`() async throws {
        let budget = try RetryBudget(ConcurrencyRetryBudgetConfiguration(percent: 100, minimum: 0))
        let retry = try Retry(
            RetryPolicy(maximumAttempts: 2, conditions: .serverError, backoff: .none),
            budget: budget
        )
        let underWay = try await retry.run { budget.balance(at: clock.now) }
        #expect(underWay == 1 && budget.balance(at: clock.now) == 0)
        await #expect(throws: Broken.self) { try await retry.run { _ in throw Broken() } }
        _ = try await retry.run(rejecting: { _ in true }) { $0 }
        #expect(budget.balance(at: clock.now) == 0)
        for step in [InMemoryTransport.Step.refuseConnection, .status(503), .status(200)] {
            let layer = RetryLayer(
                InMemoryTransport([step]),
                source: FixedPolicy(retry),
                clock: clock,
                random: MeshRandom(seed: 1)
            )
            var context = CallContext(now: clock.now)
            _ = try? await layer.withResponse(to: InMemoryRequest(), context: &context) { $0.statusCode }
            #expect(budget.balance(at: clock.now) == 0)
        }
    }

    @Test func `a caller who gave up before the answer failed gets no other attempt`() async throws {
        let budget = try RetryBudget(ThrottleRetryBudgetConfiguration(maximumTokens: 10, tokenRatio: 1))
        let retry = try Retry(RetryPolicy(maximumAttempts: 5, conditions: .serverError, backoff: .none), budget: budget)
        let attempts = AttemptCounter()
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await #expect(throws: Broken.self) {
                    try await retry.run { _ in
                        attempts.up()
                        withUnsafeCurrentTask { $0?.cancel() }
                        throw Broken()
                    }
                }
            }
        }
        // Nobody knows whether the peer failed or the cancellation reached it: it is no failure.
        #expect(attempts.now == 1 && budget.balance(at: clock.now) == 5)
    }

    @Test func `many requests at once leave a concurrency budget empty-handed`() async throws {
        let budget = try RetryBudget(ConcurrencyRetryBudgetConfiguration(percent: 100, minimum: 0))
        let policy = RetryPolicy(maximumAttempts: 3, conditions: .serverError, backoff: .none)
        let network = InMemoryTransport { sent, _ in sent.attempt < 3 ? .status(503) : .status(200) }
        let contract = TransportContract(network)
        let layer = RetryLayer(
            contract,
            source: FixedPolicy(try Retry(policy, budget: budget)),
            clock: clock,
            random: MeshRandom(seed: 1)
        )
        let clock = clock
        let good = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    var good = 0
                    for _ in 0..<200 {
                        var context = CallContext(now: clock.now)
                        let status = try? await layer.withResponse(to: InMemoryRequest(), context: &context) {
                            response in
                            await Task.yield()
                            return response.statusCode
                        }
                        if status == 200 { good += 1 }
                    }
                    return good
                }
            }
            return await group.reduce(0, +)
        }
        // Each request under way is worth one retry, so that none was ever refused.
        #expect(good == 1600 && network.sent.count == 4800)
        #expect(budget.balance(at: clock.now) == 0 && !budget.allows(at: clock.now))
        budget.deposit(at: clock.now)
        #expect(budget.balance(at: clock.now) == 1)
        #expect(contract.violations.isEmpty)
    }

    @Test func `a request counts towards a concurrency budget until its body is read`() async throws {
        let budget = try RetryBudget(ConcurrencyRetryBudgetConfiguration(percent: 100, minimum: 0))
        let layer = RetryLayer(
            RetryLayer(
                InMemoryTransport([.status(200)]),
                source: FixedPolicy(try Retry(budget: budget)),
                clock: clock,
                random: MeshRandom(seed: 1)
            ),
            source: FixedPolicy(try Retry(budget: budget)),
            clock: clock,
            random: MeshRandom(seed: 1)
        )
        var context = CallContext(now: clock.now)
        _ = try await layer.send(InMemoryRequest(), context: &context)
        // Two layers, one place: only one of them can be told of the end.
        #expect(budget.balance(at: clock.now) == 1 && context.heldPermits == .retryBudget)
        layer.finish(&context, .completed)
        #expect(budget.balance(at: clock.now) == 0 && context.heldPermits.isEmpty)
    }
}
