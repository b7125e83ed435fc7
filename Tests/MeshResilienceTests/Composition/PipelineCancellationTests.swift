// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Testing

/// Callers that give up at any moment, wherever in a stack of every policy they are.
@Suite struct PipelineCancellationTests {
    private let clock = YieldingClock()

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func `whoever gives up, and wherever, leaves nothing behind in any policy`(seed: UInt64) async throws {
        let (clock, random) = (clock, MeshRandom(seed: seed))
        let budget = try RetryBudget(ConcurrencyRetryBudgetConfiguration(percent: 20, minimum: 3))
        let shedder = try LoadShedder(LoadShedderConfiguration(capacity: 100), clock: clock, random: random)
        let fault = try FaultInjector(
            FaultConfiguration(delay: .init(duration: .milliseconds(2), percentage: .init(percent: 20))),
            clock: clock,
            random: random
        )
        let limiter = try RateLimiter(
            RateLimitConfiguration(rate: 200, per: .seconds(1), algorithm: .smooth, maximumWait: .seconds(60)),
            clock: clock
        )
        let adaptive = try AdaptiveLimit(
            AdaptiveLimitConfiguration(maximumQueued: 50, maximumWait: .milliseconds(50)),
            clock: clock,
            random: random
        )
        let bulkhead = try Bulkhead(
            BulkheadConfiguration(
                maximumConcurrent: 4,
                maximumQueued: 50,
                maximumWait: .milliseconds(30),
                order: .lifo
            ),
            clock: clock
        )
        let breaker = try CircuitBreaker(
            CircuitBreakerConfiguration(minimumCalls: 10, openDuration: .milliseconds(5), probes: 2),
            clock: clock,
            random: random
        )
        let timeout = try Timeout(TimeoutConfiguration(duration: .milliseconds(150)), clock: clock)
        let attempt = try Timeout(TimeoutConfiguration(duration: .milliseconds(20)), clock: clock)
        let hedging = try Hedging(
            HedgingConfiguration(delay: .fixed(.milliseconds(8)), ownBudget: nil),
            budget: budget,
            clock: clock
        )
        let retry = try Retry(
            RetryPolicy(maximumAttempts: 3, conditions: .serverError, backoff: .constant(.milliseconds(2))),
            budget: budget,
            clock: clock,
            random: random
        )
        let control = try AdmissionControl(.envoy, clock: clock, random: random)
        let pipeline = try PolicyPipeline(
            "ratings",
            [
                shedder, fault, limiter, timeout, control, retry, hedging, adaptive, bulkhead, breaker,
                attempt.perAttempt,
            ]
        )
        let ended = Journal<Bool>()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<300 {
                let (patience, time, fails) = (random.below(120), random.below(30), random.below(10) < 3)
                group.addTask {
                    let call = Task {
                        try await pipeline.run {
                            try await clock.sleep(until: clock.now.advanced(by: .milliseconds(time)))
                            if fails { throw Broken() }
                        }
                    }
                    for _ in 0..<patience { await Task.yield() }
                    call.cancel()
                    ended.append((try? await call.value) != nil)
                }
            }
        }
        #expect(ended.count == 300 && ended.all.contains(true) && ended.all.contains(false))
        // Nobody waits for hedges that lost, so that a few may still be on their way out.
        func isClean() -> Bool {
            adaptive.inFlight == 0 && bulkhead.inFlight == 0 && budget.balance(at: clock.now) == 3
        }
        for _ in 0..<100_000 where !isClean() { await Task.yield() }
        #expect(bulkhead.inFlight == 0 && bulkhead.queued == 0 && bulkhead.unsettled == 0)
        #expect(adaptive.inFlight == 0 && adaptive.queued == 0 && adaptive.unsettled == 0)
        #expect(shedder.inFlight == 0 && fault.activeFaults == 0 && breaker.metrics.probesOut == 0)
        #expect(budget.balance(at: clock.now) == 3)
        // Turns whose callers gave up were given back: the next caller waits behind those that were used, and no other.
        #expect(limiter.expectedWait().map { $0 <= .milliseconds(5) } == true)
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func `whoever gives up leaves no shared call under way and no batch waiting`(seed: UInt64) async throws {
        let (clock, random) = (clock, MeshRandom(seed: seed))
        let coalescing = try Coalescing<UInt64, UInt64>(clock: clock)
        let cache = try ResponseCache<UInt64, UInt64>(
            ResponseCacheConfiguration(
                timeToLive: .milliseconds(4),
                staleIfError: .milliseconds(20),
                staleWhileRevalidate: .milliseconds(8)
            ),
            clock: clock
        )
        let batching = try Batching<UInt64, UInt64>(
            BatchingConfiguration(maximumBatchSize: 6, maximumDelay: .milliseconds(3)),
            clock: clock
        ) { keys in
            try await clock.sleep(until: clock.now.advanced(by: .milliseconds(10)))
            return Dictionary(uniqueKeysWithValues: keys.map { ($0, .success($0)) })
        }
        let wrong = Journal<UInt64>()
        let ended = Journal<Bool>()
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<300 as Range<UInt64> {
                let (key, patience, time) = (random.below(8), random.below(60), random.below(20))
                let deadline = random.below(2) == 0 ? Deadline.never : Deadline(.milliseconds(10), after: clock.now)
                let fails = random.below(10) < 2
                group.addTask {
                    let work: @Sendable () async throws -> UInt64 = {
                        try await clock.sleep(until: clock.now.advanced(by: .milliseconds(time)))
                        if fails { throw Broken() }
                        return key
                    }
                    let call = Task {
                        switch number % 3 {
                        case 0: try await coalescing.run(key, deadline: deadline, work)
                        case 1: try await cache.run(key, deadline: deadline, work)
                        default: try await batching.run(key)
                        }
                    }
                    for _ in 0..<patience { await Task.yield() }
                    call.cancel()
                    let value = try? await call.value
                    if let value, value != key { wrong.append(key) }
                    ended.append(value != nil)
                }
            }
        }
        #expect(ended.count == 300 && ended.all.contains(true) && ended.all.contains(false))
        #expect(wrong.all.isEmpty, "everybody got what its own key stands for")
        #expect(coalescing.flights == 0 && coalescing.callers == 0)
        #expect(batching.waiting == 0 && batching.batches == 0)
        // Every key is there for the next who comes.
        for key in 0..<8 as Range<UInt64> { #expect(try await coalescing.run(key) { key } == key) }
    }
}
