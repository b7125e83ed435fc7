// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Testing

@Suite struct HedgingTests {
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

    @Test func `row 102: after failure, the next begins when the one before has failed and never beside it`() async throws {
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

    @Test func `row 103: when all fail and the original is the slowest, the original's outcome is returned`() async throws {
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

    @Test func `row 104: the losers are cancelled, a late value is disposed of, the caller is not cancelled`() async throws {
        let hedging = try hedging(HedgingConfiguration(delay: .fixed(.milliseconds(5))))
        let (gate, cancelled, disposed, late) = (Gate(), Gate(), Gate(), Journal<Int>())
        async let value = hedging.run(
            dispose: { value in
                late.append(value)
                disposed.open()
            }
        ) { attempt in
            if attempt == 1 {
                await withTaskCancellationHandler { await gate.pass() } onCancel: { cancelled.open() }
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

    @Test func `a value that counts as a failure is disposed of when a better one comes`() async throws {
        let hedging = try hedging(HedgingConfiguration(delay: .afterFailure))
        let late = Journal<Int>()
        let isFailure: @Sendable (Result<Int, any Error>) -> Bool = { (try? $0.get()) == 1 }
        let value = try await hedging.run(isFailure: isFailure, dispose: { late.append($0) }) { $0 }
        #expect(value == 2)
        #expect(late.all == [1])
    }

    @Test func `when every value counts as a failure the last is returned and the others are disposed of`() async throws {
        let hedging = try hedging(HedgingConfiguration(maximumAttempts: 3, delay: .afterFailure))
        let late = Journal<Int>()
        let value = try await hedging.run(isFailure: { _ in true }, dispose: { late.append($0) }) { $0 }
        #expect(value == 3)
        #expect(late.all == [1, 2])
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

    @Test func `row 106: calls deposit into the hedges' own budget and not into the one shared with retries`() async throws {
        let shared = RetryBudget(RetryBudgetConfiguration(percent: 100, minimumPerSecond: 5))
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
        #expect(slow.ownBudget.map { $0.balance(at: clock.now) < 300 } == true, "a hedge withdraws from both")
        #expect(shared.balance(at: clock.now) == 49)
    }

    @Test(arguments: [(0.0, 5.0), (30.0, 0.0)])
    func `row 106: either budget that is empty prevents the hedge`(own: Double, shared: Double) async throws {
        let budget = RetryBudget(RetryBudgetConfiguration(percent: 0, minimumPerSecond: shared))
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

    @Test func `a peer's retryAfter delays the next attempt`() async throws {
        let (hedging, clock) = (try hedging(HedgingConfiguration(delay: .afterFailure)), clock)
        let began = clock.now
        async let value = hedging.run { attempt in
            if attempt == 1 {
                throw MeshError(.rateLimited, origin: .upstream, message: "slow down", retryAfter: .milliseconds(50))
            }
            return clock.now.elapsed(since: began)
        }
        await clock.waitForSleepers()
        clock.advance(by: .milliseconds(50))
        #expect(try await value == .milliseconds(50))
        #expect(observer.decisions == [decision(.hedged, .pushback)])
    }

    @Test func `an attempt inherits its caller's task-local values, a hedge that the timer began too`() async throws {
        let hedging = try hedging(HedgingConfiguration(delay: .fixed(.milliseconds(5))))
        let (gate, seen, clock) = (Gate(), Journal<String?>(), clock)
        try await InboundContext.$current.withValue(InboundContext(trace: .none, peerIdentity: "spiffe://a/b")) {
            async let value = hedging.run { attempt in
                seen.append(InboundContext.current?.peerIdentity)
                if attempt == 1 { await gate.pass() }
            }
            await gate.waitForArrivals()
            clock.advance(by: .milliseconds(5))
            try await value
        }
        gate.open()
        #expect(seen.all == ["spiffe://a/b", "spiffe://a/b"])
    }

    @Test(arguments: [0, 1, 2])
    func `a caller that is cancelled cancels every attempt, at every point`(point: Int) async throws {
        let hedging = try hedging(HedgingConfiguration(delay: .fixed(.milliseconds(5))))
        let (start, attempts, cancelled) = (Gate(), Gate(), Journal<Int>())
        let caller = Task {
            await start.pass()
            return try await hedging.run { attempt in
                await withTaskCancellationHandler { await attempts.pass() } onCancel: { cancelled.append(attempt) }
                return attempt
            }
        }
        if point == 0 { caller.cancel() }
        start.open()
        if point > 0 { await attempts.waitForArrivals(1) }
        if point == 2 {
            clock.advance(by: .milliseconds(5))
            await attempts.waitForArrivals(2)
        }
        caller.cancel()
        await #expect(throws: CancellationError.self) { try await caller.value }
        // The wheel forgets the call before its caller hears of the end, and the attempts hear of it after that.
        #expect(cancelled.count <= point)
        #expect(attempts.arrivals == point)
        attempts.open()
        #expect(observer.decisions.count == max(point - 1, 0))
    }

    @Test func `observe-only runs once and says what it would have done`() async throws {
        let (hedging, clock) = (try hedging(HedgingConfiguration(mode: .observe)), clock)
        let begun = Journal<Int>()
        async let value = hedging.run { attempt in
            begun.append(attempt)
            try await rest(.seconds(3), on: clock)
            return attempt
        }
        await clock.waitForSleepers()
        clock.advance(by: .seconds(3))
        #expect(try await value == 1)
        await #expect(throws: Broken()) { try await hedging.run { _ in throw Broken() } }
        await #expect(throws: CancellationError.self) { try await hedging.run { _ in throw CancellationError() } }
        #expect(begun.all == [1])
        #expect(
            observer.decisions == [
                decision(.hedged, .latency, isEnforced: false), decision(.hedged, .failure, isEnforced: false),
            ]
        )
    }

    @Test func `disabled runs once and says nothing`() async throws {
        let hedging = try hedging(HedgingConfiguration(delay: .fixed(.zero), mode: .disabled))
        await #expect(throws: Broken(number: 1)) { try await hedging.run { throw Broken(number: $0) } }
        #expect(observer.decisions == [])
    }

    @Test func `a bad configuration is refused with every problem`() {
        let configuration = HedgingConfiguration(
            maximumAttempts: 0,
            delay: .percentile(
                HedgingPercentile(
                    .nan,
                    minimumDelay: .zero,
                    highestTrackable: .forever,
                    minimumCalls: 0,
                    slices: 1,
                    sliceDuration: .zero,
                    refreshInterval: .zero
                )
            ),
            ownBudget: RetryBudgetConfiguration(percent: -1),
            nonFatalStatusCodes: [503, 99],
            nonFatalGRPCStatusCodes: [0, 14]
        )
        let error = #expect(throws: ConfigurationError.self) { try Hedging(configuration) }
        #expect(
            error?.problems.map(\.path) == [
                "maximumAttempts", "delay.percentile", "delay.minimumDelay", "delay.highestTrackable",
                "delay.minimumCalls", "delay.slices", "delay.sliceDuration", "delay.refreshInterval",
                "ownBudget.percent", "nonFatalStatusCodes[1]", "nonFatalGRPCStatusCodes[0]",
            ]
        )
        for percentile in [0, 1, -0.1, .infinity] {
            #expect(throws: ConfigurationError.self) {
                try HedgingConfiguration(delay: .percentile(HedgingPercentile(percentile))).validate()
            }
        }
        #expect(throws: ConfigurationError.self) { try HedgingConfiguration(delay: .fixed(.forever)).validate() }
        #expect(throws: ConfigurationError.self) {
            try HedgingConfiguration(delay: .afterFailure, hedgesFailures: false).validate()
        }
        #expect(HedgingConfiguration().settings.allSatisfy { $0.source != .configured("") })
    }

    @Test func `contended: every call has one winner and every other value is disposed of`() async throws {
        let (clock, late, begun) = (clock, Journal<Int>(), Journal<Int>())
        let configuration = HedgingConfiguration(maximumAttempts: 3, delay: .fixed(.zero), ownBudget: nil)
        let hedging = try Hedging(configuration, clock: clock)
        let won = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    var won = 0
                    for _ in 0..<250 {
                        _ = try await hedging.run(dispose: { late.append($0) }) { attempt in
                            begun.append(attempt)
                            if attempt.isMultiple(of: 2) { await Task.yield() }
                            return attempt
                        }
                        won += 1
                    }
                    return won
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(won == 1000)
        // An attempt that lost may still be on its way to be disposed of; none is ever disposed of twice.
        while late.count < begun.count - won { await Task.yield() }
        #expect(late.count == begun.count - won)
    }
}
