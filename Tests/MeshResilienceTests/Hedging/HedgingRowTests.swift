// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Testing

/// The rows of the facts file on hedging, held to by the driver.
@Suite struct HedgingRowTests {
    private let clock = ManualClock()
    private let observer = RecordingObserver()

    private func hedging(_ configuration: HedgingConfiguration, budget: RetryBudget? = nil) throws -> Hedging {
        try Hedging(
            configuration,
            budget: budget,
            name: "reviews",
            observers: ObserverSet([observer]),
            clock: clock
        )
    }

    private func decision(
        _ action: PolicyDecision.Action,
        _ reason: PolicyDecision.Reason,
        isEnforced: Bool = true
    ) -> PolicyDecision {
        PolicyDecision(.hedge, name: "reviews", action, because: reason, isEnforced: isEnforced)
    }

    @Test func `row 100: a primary that is done at 1 s of 2 s is not hedged`() async throws {
        let (hedging, clock, begun) = (try hedging(HedgingConfiguration()), clock, Journal<Int>())
        async let value = hedging.run { attempt in
            begun.append(attempt)
            try await rest(.seconds(1), on: clock)
            return attempt
        }
        await clock.waitForSleepers(2)
        clock.advance(by: .seconds(1))
        #expect(try await value == 1)
        clock.advance(by: .seconds(60))
        #expect(begun.all == [1])
        #expect(observer.decisions == [])
    }

    @Test func `row 101: with a delay of 0 and three attempts all three begin at once`() async throws {
        let hedging = try hedging(HedgingConfiguration(maximumAttempts: 3, delay: .fixed(.zero)))
        let (gate, begun) = (Gate(), Journal<Int>())
        async let value = hedging.run { attempt in
            begun.append(attempt)
            await gate.pass()
            return attempt
        }
        await gate.waitForArrivals(3)
        #expect(Set(begun.all) == [1, 2, 3])
        gate.open()
        #expect(try await [1, 2, 3].contains(value))
        #expect(observer.decisions == [decision(.hedged, .latency), decision(.hedged, .latency)])
    }

    @Test func `row 102: after failure, the next begins when the one before has failed and never beside it`()
        async throws
    {
        let hedging = try hedging(HedgingConfiguration(maximumAttempts: 3, delay: .afterFailure))
        let (begun, ended, clock) = (Journal<Int>(), Journal<Int>(), clock)
        async let value = hedging.run { attempt in
            begun.append(attempt)
            #expect(ended.count == attempt - 1)
            if attempt == 1 { try await rest(.seconds(3600), on: clock) }
            ended.append(attempt)
            if attempt < 3 { throw Broken(number: attempt) }
            return attempt
        }
        // Nothing but the attempt sleeps: no timer is armed, however slow it is.
        await clock.waitForSleepers(1)
        #expect(begun.all == [1])
        clock.advance(by: .seconds(3600))
        #expect(try await value == 3)
        #expect(begun.all == [1, 2, 3])
        #expect(observer.decisions == [decision(.hedged, .failure), decision(.hedged, .failure)])
    }

    @Test func `row 103: when all fail and the original is the slowest, the original's outcome is returned`()
        async throws
    {
        let hedging = try hedging(HedgingConfiguration(maximumAttempts: 3, delay: .fixed(.zero)))
        let (gate, bothHeard, late) = (Gate(), Gate(), Journal<Int>())
        async let value = hedging.run(
            isFailure: { _ in true },
            dispose: { value in
                // The first of the two hedges is of no use once the second has failed as well.
                late.append(value)
                bothHeard.open()
            }
        ) { attempt in
            if attempt == 1 { await gate.pass() }
            return attempt
        }
        await gate.waitForArrivals()
        await bothHeard.pass()
        gate.open()
        #expect(try await value == 1)
        #expect(Set(late.all) == [2, 3])
    }

    @Test func `row 103: an error that comes last is what the caller gets`() async throws {
        let hedging = try hedging(HedgingConfiguration(maximumAttempts: 3, delay: .afterFailure))
        await #expect(throws: Broken(number: 3)) { try await hedging.run { throw Broken(number: $0) } }
    }

    @Test func `row 104: the losers are cancelled, a late value is disposed of, the caller is not cancelled`()
        async throws
    {
        let hedging = try hedging(HedgingConfiguration(delay: .fixed(.milliseconds(5))))
        let (gate, cancelled, disposed, late) = (Gate(), Gate(), Gate(), Journal<Int>())
        async let value = hedging.run(
            dispose: { value in
                late.append(value)
                disposed.open()
            }
        ) { attempt in
            if attempt == 1 {
                await withTaskCancellationHandler {
                    await gate.pass()
                } onCancel: {
                    cancelled.open()
                }
            }
            return attempt
        }
        await gate.waitForArrivals()
        clock.advance(by: .milliseconds(5))
        #expect(try await value == 2)
        #expect(!Task.isCancelled)
        await cancelled.pass()
        #expect(late.all == [], "it ignores its cancellation, and nobody waits for it")
        gate.open()
        await disposed.pass()
        #expect(late.all == [1])
    }

    @Test func `row 105: what may not be run twice is not hedged`() async throws {
        let hedging = try hedging(HedgingConfiguration(delay: .fixed(.zero)))
        let begun = Journal<Int>()
        #expect(
            try await hedging.run(isIdempotent: false) { attempt in
                begun.append(attempt)
                return attempt
            } == 1
        )
        #expect(begun.all == [1])
    }

    @Test func `row 105: a call that is slower than the 90th percentile is hedged`() async throws {
        let percentile = HedgingPercentile(0.9, minimumCalls: 10)
        let (hedging, clock) = (try hedging(HedgingConfiguration(delay: .percentile(percentile))), clock)
        for latency in [1, 1, 1, 1, 1, 1, 1, 1, 10, 10] as [UInt64] {
            async let value = hedging.run { _ in try await rest(.milliseconds(latency), on: clock) }
            await clock.waitForSleepers()
            clock.advance(by: .milliseconds(latency))
            try await value
        }
        #expect(observer.decisions == [])
        clock.advance(by: .seconds(3))
        #expect(hedging.currentDelay.map { $0 >= .milliseconds(10) && $0 < .milliseconds(11) } == true)
        async let value = hedging.run { attempt in
            if attempt == 1 { try await rest(.seconds(60), on: clock) }
            return attempt
        }
        await clock.waitForSleepers(2)
        clock.advance(by: .milliseconds(11))
        #expect(try await value == 2)
        #expect(observer.decisions == [decision(.hedged, .latency)])
    }

    @Test func `row 106: calls deposit into the hedges' own budget and not into the one shared with retries`()
        async throws
    {
        let shared = try RetryBudget(RetryBudgetConfiguration(percent: 100, minimumPerSecond: 5))
        let own = RetryBudgetConfiguration(percent: 1, minimumPerSecond: 30)
        let hedging = try hedging(HedgingConfiguration(delay: .fixed(.seconds(1)), ownBudget: own), budget: shared)
        #expect(hedging.ownBudget?.balance(at: clock.now) == 300)
        #expect(shared.balance(at: clock.now) == 50)
        for _ in 0..<100 { _ = try await hedging.run { $0 } }
        #expect(hedging.ownBudget?.balance(at: clock.now) == 301)
        #expect(shared.balance(at: clock.now) == 50)
        let slow = try self.hedging(HedgingConfiguration(delay: .fixed(.zero), ownBudget: own), budget: shared)
        let gate = Gate()
        async let value = slow.run { attempt in
            if attempt == 1 { await gate.pass() }
            return attempt
        }
        #expect(try await value == 2)
        gate.open()
        #expect(slow.ownBudget?.balance(at: clock.now) == 299.01, "a hedge withdraws from both")
        #expect(shared.balance(at: clock.now) == 49)
    }

    @Test(arguments: [(0.0, 5.0), (30.0, 0.0)])
    func `row 106: either budget that is empty prevents the hedge`(own: Double, shared: Double) async throws {
        let budget = try RetryBudget(RetryBudgetConfiguration(percent: 0, minimumPerSecond: shared))
        let configuration = HedgingConfiguration(
            maximumAttempts: 3,
            delay: .fixed(.zero),
            ownBudget: RetryBudgetConfiguration(percent: 0, minimumPerSecond: own)
        )
        let begun = Journal<Int>()
        let value = try await hedging(configuration, budget: budget).run { attempt in
            begun.append(attempt)
            return attempt
        }
        #expect(value == 1)
        #expect(begun.all == [1])
        #expect(observer.decisions == [decision(.refused, .budget)])
    }

    @Test func `row 106: a budget that is spent does not end the hedge that runs`() async throws {
        let configuration = HedgingConfiguration(
            maximumAttempts: 3,
            delay: .fixed(.milliseconds(5)),
            ownBudget: RetryBudgetConfiguration(percent: 0, minimumPerSecond: 0.1)
        )
        let (hedging, gate, hedge) = (try hedging(configuration), Gate(), Gate())
        async let value = hedging.run { attempt in
            await (attempt == 1 ? gate : hedge).pass()
            return attempt
        }
        await gate.waitForArrivals()
        clock.advance(by: .milliseconds(5))
        await hedge.waitForArrivals()
        await clock.waitForSleepers()
        clock.advance(by: .milliseconds(5))
        hedge.open()
        #expect(try await value == 2)
        gate.open()
        #expect(observer.decisions.first == decision(.hedged, .latency))
        #expect(observer.decisions.dropFirst().allSatisfy { $0 == decision(.refused, .budget) })
    }

    @Test func `row 107: a percentile above what is tracked starts no timer`() async throws {
        let percentile = HedgingPercentile(0.5, highestTrackable: .milliseconds(100), minimumCalls: 1)
        let (hedging, clock) = (try hedging(HedgingConfiguration(delay: .percentile(percentile))), clock)
        async let slow = hedging.run { _ in try await rest(.seconds(1), on: clock) }
        await clock.waitForSleepers()
        clock.advance(by: .seconds(1))
        _ = try await slow
        clock.advance(by: .seconds(3))
        #expect(hedging.currentDelay == nil)
        async let value = hedging.run { attempt in
            try await rest(.seconds(60), on: clock)
            return attempt
        }
        await clock.waitForSleepers()
        #expect(clock.sleeperCount == 1, "the attempt sleeps, and no timer")
        clock.advance(by: .seconds(60))
        #expect(try await value == 1)
        #expect(observer.decisions == [])
    }
}
