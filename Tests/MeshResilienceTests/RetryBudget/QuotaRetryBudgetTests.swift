// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Testing

/// The AWS SDKs' retry vectors, with their random number 1: the upper end of the jitter, which no jitter is, too.
@Suite struct QuotaRetryBudgetTests {
    private let clock = SteppingClock()

    /// Sends one request whose attempts are answered so.
    /// - Returns: The status that the caller sees, and the waits.
    private func send(
        _ statuses: [Int],
        _ budget: RetryBudget,
        attempts: Int = 3,
        maximumWait: Nanoseconds = .seconds(20),
        observers: ObserverSet = .none
    ) async throws -> (status: Int, waits: [Nanoseconds]) {
        let backoff = Backoff(
            base: .milliseconds(50),
            maximum: maximumWait,
            growth: .exponential(factor: 2),
            jitter: .none
        )
        let policy = RetryPolicy(maximumAttempts: attempts, conditions: .serverError, backoff: backoff)
        let contract = TransportContract(InMemoryTransport(statuses.map { .status($0) }, clock: clock))
        let layer = RetryLayer(
            contract,
            source: FixedPolicy(try Retry(policy, budget: budget)),
            clock: clock,
            random: MeshRandom(seed: 1),
            observers: observers
        )
        let before = clock.waits.count
        var context = CallContext(now: clock.now)
        let status = try await layer.withResponse(to: InMemoryRequest(), context: &context) { $0.statusCode }
        #expect(contract.violations.isEmpty && context.heldPermits.isEmpty)
        return (status, Array(clock.waits.dropFirst(before)))
    }

    private func budget(_ capacity: Int = 500) throws -> RetryBudget {
        try RetryBudget(QuotaRetryBudgetConfiguration(capacity: capacity))
    }

    /// The quota after each retry and each success of requests that want so many retries.
    private func quota(_ outcomes: [(costs: Int, succeeds: Bool)], capacity: Int = 500) -> [Int] {
        var budget = QuotaRetryBudget(QuotaRetryBudgetConfiguration(capacity: capacity))
        var quotas: [Int] = []
        for outcome in outcomes {
            var taken: Int?
            for _ in 0..<outcome.costs {
                guard let cost = budget.retryWanted(.failure, at: clock.now) else { break }
                taken = cost
                quotas.append(budget.tokens)
            }
            if outcome.succeeds {
                budget.requestSucceeded(taken: taken)
                quotas.append(budget.tokens)
            }
        }
        return quotas
    }

    @Test func `row 78: two retries and a success`() async throws {
        let (status, waits) = try await send([500, 500, 200], budget())
        #expect(status == 200 && waits == [.milliseconds(50), .milliseconds(100)])
        #expect(quota([(2, true)]) == [486, 472, 486])
    }

    @Test func `row 79: when all attempts fail the service's failure is the caller's`() async throws {
        let budget = try budget()
        let (status, waits) = try await send([502], budget)
        #expect(status == 502 && waits.count == 2)
        #expect(quota([(2, false)]) == [486, 472])
        #expect(budget.balance(at: clock.now) == Double(472 / 14))
    }

    @Test func `row 80: a quota for one retry, and the caller sees the service's failure`() async throws {
        let observer = RecordingObserver()
        let (status, waits) = try await send([500, 502], budget(14), observers: ObserverSet([observer]))
        #expect(status == 502 && waits == [.milliseconds(50)])
        #expect(quota([(2, false)], capacity: 14) == [0])
        #expect(observer.decisions.map(\.action) == [.retried, .refused])
        #expect(observer.decisions.last?.reason == .budget)
    }

    @Test func `row 80: an error of the service is the cause of the one that says why nothing follows`() async throws {
        let policy = RetryPolicy(maximumAttempts: 3, conditions: .connectFailure, backoff: .none)
        let error = await #expect(throws: MeshError.self) {
            try await Retry(policy, budget: budget(14), clock: clock).run { attempt in
                throw MeshError(.connectionFailed, origin: .upstream, message: "\(attempt)")
            }
        }
        #expect(error?.code == .retriesExhausted && error?.reason == .budget && error?.attempt == 2)
        #expect((error?.cause as? MeshError)?.message == "2")
    }

    @Test func `row 81: without quota there is no retry and no wait`() async throws {
        let (status, waits) = try await send([500, 200], budget(0))
        #expect(status == 500 && waits.isEmpty)
    }

    @Test func `row 82: the waits end at their maximum`() async throws {
        let (status, waits) = try await send([500], budget(), attempts: 5, maximumWait: .milliseconds(200))
        #expect(status == 500)
        #expect(waits == [50, 100, 200, 200].map { Nanoseconds.milliseconds($0) })
        #expect(quota([(4, false)]) == [486, 472, 458, 444])
    }

    @Test func `row 83: a success gives back what its last retry cost`() async throws {
        #expect(quota([(2, true), (1, true)], capacity: 30) == [16, 2, 16, 2, 16])
        let budget = try budget(30)
        #expect(try await send([500, 502, 200], budget).status == 200)
        #expect(budget.balance(at: clock.now) == 1)
        #expect(try await send([500, 200], budget).status == 200)
        #expect(budget.balance(at: clock.now) == 1)
        #expect(try await send([500, 500, 200], budget).status == 500)
    }

    @Test func `a success at the first attempt gives a little, never above the capacity`() async throws {
        var budget = QuotaRetryBudget(QuotaRetryBudgetConfiguration(capacity: 20))
        _ = budget.retryWanted(.throttled, at: clock.now)
        #expect(budget.tokens == 15)
        for expected in [16, 17, 18, 19, 20, 20] {
            budget.requestSucceeded(taken: nil)
            #expect(budget.tokens == expected)
        }
    }

    @Test func `the costs depend on the cause and on the mode`() {
        for (configuration, costs) in [
            (QuotaRetryBudgetConfiguration(), [14, 14, 5]), (QuotaRetryBudgetConfiguration.legacy, [5, 10, 5]),
        ] {
            var budget = QuotaRetryBudget(configuration)
            let taken = [RetryCause.failure, .timeout, .throttled].map { budget.retryWanted($0, at: clock.now) }
            #expect(taken == costs)
        }
    }

    @Test func `in a random walk the quota stays between nothing and its capacity`() {
        let random = MeshRandom(seed: 5)
        var budget = QuotaRetryBudget(QuotaRetryBudgetConfiguration(capacity: 50))
        let causes = [RetryCause.failure, .timeout, .throttled]
        var last: Int?
        for _ in 0..<100_000 {
            let before = budget.tokens
            if random.below(3) == 0 {
                budget.requestSucceeded(taken: random.below(2) == 0 ? last : nil)
                #expect(budget.tokens >= before)
            } else if let cost = budget.retryWanted(causes[Int(random.below(3))], at: clock.now) {
                #expect(budget.tokens == before - cost)
                last = cost
            } else {
                #expect(budget.tokens == before && before < 14)
            }
            #expect((0...50).contains(budget.tokens))
        }
    }

    @Test func `every bound that is broken is named`() {
        let error = #expect(throws: ConfigurationError.self) {
            _ = try RetryBudget(
                QuotaRetryBudgetConfiguration(
                    capacity: -1,
                    retryCost: 0,
                    timeoutCost: 1_000_001,
                    throttledCost: .min,
                    successIncrement: .max
                )
            )
        }
        #expect(
            error?.problems.map(\.path) == [
                "capacity", "retryCost", "timeoutCost", "throttledCost", "successIncrement",
            ]
        )
    }
}
