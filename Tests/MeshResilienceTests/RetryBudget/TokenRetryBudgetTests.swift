// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import Testing

@Suite struct TokenRetryBudgetTests {
    private func budget(_ percent: Double, perSecond: Double = 0, ttl: Nanoseconds = .seconds(1)) throws -> RetryBudget
    {
        try RetryBudget(RetryBudgetConfiguration(percent: percent, minimumPerSecond: perSecond, timeToLive: ttl))
    }

    private func at(_ milliseconds: UInt64) -> MeshInstant { MeshInstant(nanoseconds: milliseconds * 1_000_000) }

    // Finagle's `RetryBudgetTest`: the share of retries is the configured one, to a retry.
    @Test(arguments: [0.0001, 0.0015, 0.0125, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 0.9999])
    func `row 84: of ten thousand requests the configured share is retried`(share: Double) throws {
        let budget = try budget(share * 100)
        let retries = (0..<10_000).count { _ in
            budget.deposit(at: at(5))
            return budget.withdraw(at: at(5))
        }
        #expect(abs(Double(retries) - share * 10_000) <= 1)
    }

    @Test func `row 85: more retries than requests can be allowed`() throws {
        let budget = try budget(200)
        for _ in 0..<10_000 { budget.deposit(at: at(5)) }
        #expect(budget.balance(at: at(5)) == 20_000)
    }

    @Test func `rows 86, 94: a quiet client has its reserve and no more`() throws {
        #expect(try budget(0, perSecond: 10).balance(at: at(0)) == 10)
        let reserve = try budget(100, perSecond: 5)
        #expect((0..<6).map { _ in reserve.withdraw(at: at(0)) } == [true, true, true, true, true, false])
        // What was taken comes back when its slot is forgotten.
        #expect(reserve.balance(at: at(2_000)) == 5)
    }

    // Tower's `TpsBudget` tests.
    @Test func `rows 92, 93: deposits count for the time to live and not longer`() throws {
        let first = try budget(50)
        first.deposit(at: at(0))
        first.deposit(at: at(0))
        #expect(first.withdraw(at: at(901)))
        let second = try budget(50)
        for time in [0, 301, 1_102] as [UInt64] { second.deposit(at: at(time)) }
        #expect(second.withdraw(at: at(1_102)))
        #expect(!second.withdraw(at: at(1_102)))
        let third = try budget(100)
        third.deposit(at: at(0))
        #expect(!third.withdraw(at: at(3_000)))
    }

    @Test func `row 87: with neither a share nor a minimum the budget is empty`() throws {
        let empty = try budget(0)
        for _ in 0..<1000 { empty.deposit(at: at(1)) }
        #expect(!empty.withdraw(at: at(1)))
    }

    @Test(arguments: [
        (-1.0, 10.0, 10), (1001, 10, 10), (.nan, 10, 10), (20, -1, 10), (20, .infinity, 10), (20, 10, 0), (20, 10, 61),
    ])
    func `row 87: a configuration outside its bounds is refused at construction`(
        percent: Double,
        perSecond: Double,
        seconds: UInt64
    ) throws {
        let configuration = RetryBudgetConfiguration(
            percent: percent,
            minimumPerSecond: perSecond,
            timeToLive: .seconds(seconds)
        )
        let error = #expect(throws: ConfigurationError.self) { _ = try RetryBudget(configuration) }
        #expect(error?.problems.count == 1)
    }

    @Test func `the largest configuration and the end of time do not overflow`() throws {
        let largest = try budget(1000, perSecond: 1_000_000, ttl: .seconds(60))
        for _ in 0..<1000 { largest.deposit(at: MeshInstant(nanoseconds: .max)) }
        #expect(largest.withdraw(at: MeshInstant(nanoseconds: .max)))
        #expect(largest.withdraw(at: MeshInstant(nanoseconds: 0)))
        #expect(largest.balance(at: MeshInstant(nanoseconds: .max)) > 60_000_000)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `in a random walk retries never exceed the reserve and the share`(seed: UInt64) throws {
        let random = MeshRandom(seed: seed)
        let budget = try budget(20, perSecond: 2, ttl: .seconds(5))
        var (now, deposits, withdrawals) = (UInt64(0), 0, 0)
        for _ in 0..<100_000 {
            now += random.below(10)
            if random.below(3) == 0 {
                budget.deposit(at: at(now))
                deposits += 1
            } else if budget.withdraw(at: at(now)) {
                withdrawals += 1
            }
            #expect(budget.balance(at: at(now)) >= 0 || withdrawals > 0)
            // What is taken comes back after the time to live: ten for each five seconds that passed, and ten at first.
            let reserve = 10 * (Double(now) / 4_500 + 1)
            #expect(Double(withdrawals) <= Double(deposits) * 0.2 + reserve + 1)
        }
    }
}
