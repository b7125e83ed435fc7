// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import Testing

@Suite struct ConcurrencyRetryBudgetTests {
    private let now = MeshInstant(nanoseconds: 1)

    /// How many retries are allowed while so many requests are under way.
    private func allowed(requests: Int, _ configuration: ConcurrencyRetryBudgetConfiguration) -> Int {
        var budget = ConcurrencyRetryBudget(configuration)
        for _ in 0..<requests { budget.requestStarted(at: now) }
        return (0..<1000).count { _ in budget.retryWanted(.failure, at: now) != nil }
    }

    @Test(arguments: [(25, 5), (2, 3), (0, 3), (29, 5), (30, 6), (1000, 200)])
    func `row 143: retries under way are at most a fifth of the requests, and three in any case`(
        requests: Int,
        retries: Int
    ) {
        #expect(allowed(requests: requests, ConcurrencyRetryBudgetConfiguration()) == retries)
    }

    @Test func `a budget of all refuses no request its retry, whatever the others do meanwhile`() {
        let random = MeshRandom(seed: 3)
        var budget = ConcurrencyRetryBudget(ConcurrencyRetryBudgetConfiguration(percent: 100, minimum: 0))
        // Requests with and without a retry under way, waits included.
        var (plain, retrying) = (0, 0)
        for _ in 0..<100_000 {
            switch random.below(4) {
            case 0:
                budget.requestStarted(at: now)
                plain += 1
            case 1 where plain > 0:
                #expect(budget.retryWanted(.failure, at: now) == 1)
                (plain, retrying) = (plain - 1, retrying + 1)
            case 2 where retrying > 0:
                budget.retryEnded()
                (plain, retrying) = (plain + 1, retrying - 1)
            case 3 where plain > 0:
                budget.requestEnded()
                plain -= 1
            default: break
            }
            #expect(budget.balance(at: now) == Double(plain))
        }
    }

    @Test(arguments: [1, 2] as [UInt64])
    func `in a random walk the retries under way never exceed the limit at which they began`(seed: UInt64) {
        let random = MeshRandom(seed: seed)
        var budget = ConcurrencyRetryBudget(ConcurrencyRetryBudgetConfiguration(percent: 30, minimum: 2))
        var (requests, retries) = (0, 0)
        for _ in 0..<100_000 {
            switch random.below(5) {
            case 0, 1:
                budget.requestStarted(at: now)
                requests += 1
            case 2:
                let limit = max(Int(Double(requests) * 0.3), 2)
                let granted = budget.retryWanted(.failure, at: now) != nil
                #expect(granted == (retries < limit))
                if granted { retries += 1 }
            case 3:
                budget.requestEnded()
                requests = max(requests - 1, 0)
            default:
                budget.retryEnded()
                retries = max(retries - 1, 0)
            }
        }
    }

    @Test func `a permit that is dropped gives its place back`() throws {
        let budget = try RetryBudget(ConcurrencyRetryBudgetConfiguration(percent: 0, minimum: 1))
        do {
            guard let permit = budget.permit(at: now) else {
                Issue.record("refused")
                return
            }
            let taken = permit.taken
            #expect(taken == 1)
            #expect(!budget.withdraw(at: now) && !budget.allows(at: now))
        }
        #expect(budget.allows(at: now))
        #expect(budget.withdraw(at: now) && !budget.withdraw(at: now))
        budget.retryEnded()
        #expect(budget.balance(at: now) == 1)
    }

    @Test func `an ending too many changes nothing`() throws {
        let budget = try RetryBudget(ConcurrencyRetryBudgetConfiguration())
        for _ in 0..<10 {
            budget.requestEnded()
            budget.retryEnded()
        }
        #expect(budget.balance(at: now) == 3)
    }

    @Test func `every bound that is broken is named`() {
        let error = #expect(throws: ConfigurationError.self) {
            _ = try RetryBudget(ConcurrencyRetryBudgetConfiguration(percent: .nan, minimum: -1))
        }
        #expect(error?.problems.map(\.path) == ["percent", "minimum"])
        for percent in [-0.1, 100.1, .infinity] {
            #expect(throws: ConfigurationError.self) {
                try ConcurrencyRetryBudgetConfiguration(percent: percent).validate()
            }
        }
        #expect(throws: Never.self) { try ConcurrencyRetryBudgetConfiguration(percent: 0, minimum: 0).validate() }
    }
}
