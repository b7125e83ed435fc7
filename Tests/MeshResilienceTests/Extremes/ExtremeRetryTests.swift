// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import Testing

/// What `validate` accepts must run: ten thousand steps under each configuration, with a clock that jumps.
@Suite struct ExtremeRetryTests {
    private static var backoffs: [(inout Backoff, Extremes) -> Void] {
        [
            { $0.base = $1.time }, { $0.maximum = $1.time },
            { $0.growth = $1.flag ? .constant : .linear(step: $1.time) },
            { $0.growth = $1.flag ? .decorrelated : .smoothExponential },
            { $0.growth = .exponential(factor: $1.number) },
            { $0.jitter = $1.flag ? .none : $1.flag ? .full : .equal },
            { $0.jitter = $1.flag ? .proportional($1.number) : .proportionalAboveMaximum($1.number) },
            { $0.jitter = .additive($1.number) },
        ]
    }

    /// Sets some of a back-off's fields to extremes.
    private static func disturb(_ backoff: inout Backoff, _ extremes: Extremes) {
        let fields = backoffs
        for _ in 0...extremes.random.below(3) {
            let field = fields[Int(extremes.random.below(UInt64(fields.count)))]
            field(&backoff, extremes)
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `any back-off that is accepted waits no longer than its maximum, at any retry`(seed: UInt64) {
        let extremes = Extremes(seed: seed)
        let configurations = extremes.valid(60, of: Backoff(), Self.backoffs) { try $0.validate() }
        #expect(configurations.count == 60)
        for backoff in configurations {
            var machine = BackoffStateMachine(backoff)
            var longest = Nanoseconds.zero
            for _ in 0..<10_000 {
                let random = [0, .max, extremes.random.next()][Int(extremes.random.below(3))] as UInt64
                longest = max(longest, machine.retryWanted(random: random))
            }
            for _ in 0..<50 {
                longest = max(longest, backoff.wait(beforeRetry: extremes.count, random: extremes.random.next()))
            }
            // gRFC A6 bounds first and spreads then.
            if case .proportionalAboveMaximum = backoff.jitter { continue }
            #expect(longest <= backoff.maximum, "\(backoff)")
        }
    }

    @Test(arguments: [1, 2] as [UInt64])
    func `any retry policy that is accepted runs, and never waits beyond a deadline`(seed: UInt64) {
        let extremes = Extremes(seed: seed)
        let random = extremes.random
        let fields: [(inout RetryPolicy, Extremes) -> Void] = [
            { $0.maximumAttempts = $1.count }, { $0.perTryTimeout = $1.time }, { $0.totalTime = $1.time },
            { $0.budgetShare = $1.number }, { $0.attemptCeiling = $1.count }, { policy, _ in policy.replay = .always },
            { $0.rateLimitedBackoff = RateLimitedBackoff(maximum: $1.time) },
            { Self.disturb(&$0.backoff, $1) },
        ]
        let standard = RetryPolicy(maximumAttempts: 1_000, conditions: .serverError)
        let policies = extremes.valid(30, of: standard, fields) { try $0.validate() }
        #expect(policies.count == 30)
        for policy in policies {
            var (now, isGood) = (extremes.start, true)
            var machine = RetryStateMachine(policy, startedAt: now, budgetBalance: extremes.number)
            for _ in 0..<10_000 {
                now = now.advanced(by: extremes.step)
                if random.below(50) == 0 {
                    machine = RetryStateMachine(policy, startedAt: now, budgetBalance: extremes.number)
                }
                let deadline = Deadline(extremes.time, after: now)
                let action = machine.attemptEnded(
                    random.below(2) == 0 ? .response(status: 503, grpcStatus: nil) : .rejected,
                    pushback: [.none, .stop, .exactly(extremes.time), .notBefore(extremes.time)][Int(random.below(4))],
                    isIdempotent: extremes.flag,
                    isReplayable: true,
                    deadline: deadline,
                    at: now,
                    random: random.next()
                )
                if case .retry(let wait) = action { isGood = isGood && now.advanced(by: wait) < deadline.instant }
            }
            #expect(isGood, "\(policy)")
        }
    }

    @Test(arguments: [1, 2] as [UInt64])
    func `any retry budget that is accepted runs, and its balance is a number that is not negative`(seed: UInt64) {
        let extremes = Extremes(seed: seed)
        let token = extremes.valid(
            10,
            of: RetryBudgetConfiguration(),
            [{ $0.percent = $1.number }, { $0.minimumPerSecond = $1.number }, { $0.timeToLive = $1.time }]
        ) { try $0.validate() }
        let concurrency = extremes.valid(
            10,
            of: ConcurrencyRetryBudgetConfiguration(),
            [{ $0.percent = $1.number }, { $0.minimum = $1.count }]
        ) { try $0.validate() }
        let throttle = extremes.valid(
            10,
            of: ThrottleRetryBudgetConfiguration(maximumTokens: 10, tokenRatio: 0.1),
            [{ $0.maximumTokens = $1.count }, { $0.tokenRatio = $1.number }]
        ) { try $0.validate() }
        let quota = extremes.valid(
            10,
            of: QuotaRetryBudgetConfiguration(),
            [
                { $0.capacity = $1.count }, { $0.retryCost = $1.count }, { $0.timeoutCost = $1.count },
                { $0.throttledCost = $1.count }, { $0.successIncrement = $1.count },
            ]
        ) { try $0.validate() }
        let plans: [any RetryBudgetPlan] = token + concurrency + throttle + quota
        #expect(plans.count == 40)
        for plan in plans {
            var (strategy, now, isGood) = (plan.makeStrategy(), extremes.start, true)
            for _ in 0..<10_000 {
                now = now.advanced(by: extremes.step)
                switch extremes.random.below(6) {
                case 0, 1: strategy.requestStarted(at: now)
                case 2:
                    _ = strategy.retryWanted([.failure, .timeout, .throttled][Int(extremes.random.below(3))], at: now)
                case 3: strategy.requestEnded()
                case 4:
                    strategy.attemptFailed()
                    strategy.retryEnded()
                default: strategy.requestSucceeded(taken: extremes.flag ? nil : Int(extremes.random.below(1_000)))
                }
                let balance = strategy.balance(at: now)
                isGood = isGood && balance.isFinite && balance >= 0
            }
            #expect(isGood, "\(plan)")
        }
    }
}
