// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import Testing

@Suite struct ThrottleRetryBudgetTests {
    private let now = MeshInstant(nanoseconds: 1)

    @Test func `row 95: five failures of ten tokens stop retries, and one success allows them again`() {
        var budget = ThrottleRetryBudget(ThrottleRetryBudgetConfiguration(maximumTokens: 10, tokenRatio: 0.1))
        for failures in 1...5 {
            #expect(budget.retryWanted(.failure, at: now) == 0)
            budget.attemptFailed()
            #expect(budget.tokensLeft == Double(10 - failures))
        }
        // Exactly half is not more than half.
        #expect(budget.tokensLeft == 5 && budget.retryWanted(.failure, at: now) == nil)
        budget.requestSucceeded(taken: nil)
        #expect(budget.tokensLeft == 5.1 && budget.retryWanted(.failure, at: now) == 0)
    }

    @Test(arguments: [(0.1239, 0.123), (0.5, 0.5), (0.57, 0.57), (0.001, 0.001), (0.0019, 0.001), (0.3, 0.3)])
    func `row 96: three decimals of the ratio count`(ratio: Double, counted: Double) {
        var budget = ThrottleRetryBudget(ThrottleRetryBudgetConfiguration(maximumTokens: 10, tokenRatio: ratio))
        for _ in 0..<5 { budget.attemptFailed() }
        budget.requestSucceeded(taken: nil)
        #expect(budget.tokensLeft == 5 + counted)
    }

    @Test(arguments: [1, 2] as [UInt64])
    func `row 96: in a random walk there are never less tokens than none nor more than all`(seed: UInt64) {
        let random = MeshRandom(seed: seed)
        var budget = ThrottleRetryBudget(ThrottleRetryBudgetConfiguration(maximumTokens: 7, tokenRatio: 0.6))
        for _ in 0..<100_000 {
            if random.below(10) < 4 { budget.attemptFailed() } else { budget.requestSucceeded(taken: 3) }
            #expect(budget.tokensLeft >= 0 && budget.tokensLeft <= 7)
            #expect((budget.retryWanted(.failure, at: now) != nil) == (budget.tokensLeft > 3.5))
            #expect((budget.balance(at: now) > 0) == (budget.tokensLeft > 3.5))
        }
    }

    @Test func `every bound that is broken is named`() {
        let error = #expect(throws: ConfigurationError.self) {
            _ = try RetryBudget(ThrottleRetryBudgetConfiguration(maximumTokens: 0, tokenRatio: 0))
        }
        #expect(error?.problems.map(\.path) == ["maximumTokens", "tokenRatio"])
        for ratio in [-1, 0.0009, 1001, .nan, .infinity] {
            #expect(throws: ConfigurationError.self) {
                try ThrottleRetryBudgetConfiguration(maximumTokens: 1000, tokenRatio: ratio).validate()
            }
        }
        #expect(throws: ConfigurationError.self) {
            try ThrottleRetryBudgetConfiguration(maximumTokens: 1001, tokenRatio: 1).validate()
        }
    }
}
