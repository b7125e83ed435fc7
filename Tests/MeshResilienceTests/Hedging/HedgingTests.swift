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

    @Test func `a value that counts as a failure is disposed of when a better one comes`() async throws {
        let hedging = try hedging(HedgingConfiguration(delay: .afterFailure))
        let late = Journal<Int>()
        let isFailure: @Sendable (Result<Int, any Error>) -> Bool = { (try? $0.get()) == 1 }
        let value = try await hedging.run(isFailure: isFailure, dispose: { late.append($0) }) { $0 }
        #expect(value == 2)
        #expect(late.all == [1])
    }

    @Test func `when every value counts as a failure the last is returned and the others are disposed of`() async throws
    {
        let hedging = try hedging(HedgingConfiguration(maximumAttempts: 3, delay: .afterFailure))
        let late = Journal<Int>()
        let value = try await hedging.run(isFailure: { _ in true }, dispose: { late.append($0) }) { $0 }
        #expect(value == 3)
        #expect(late.all == [1, 2])
    }

    @Test func `a hedge holds its place in a budget of retries under way until it has ended`() async throws {
        let budget = try RetryBudget(ConcurrencyRetryBudgetConfiguration(percent: 0, minimum: 1))
        let hedging = try hedging(
            HedgingConfiguration(maximumAttempts: 3, delay: .fixed(.zero), ownBudget: nil),
            budget: budget
        )
        let (gate, disposed) = (Gate(), Gate())
        async let value = hedging.run(dispose: { _ in disposed.open() }) { attempt in
            if attempt == 2 { await gate.pass() }
            if attempt == 1 { await gate.waitForArrivals() }
            return attempt
        }
        #expect(try await value == 1)
        #expect(budget.balance(at: clock.now) == 0, "the hedge is deaf to its cancellation and still under way")
        gate.open()
        await disposed.pass()
        #expect(budget.balance(at: clock.now) == 1)
        #expect(observer.decisions == [decision(.hedged, .latency), decision(.refused, .budget)])
    }

    @Test func `gRPC: attempts that fail while their call goes on drain the throttle`() async throws {
        let budget = try RetryBudget(ThrottleRetryBudgetConfiguration(maximumTokens: 10, tokenRatio: 0.1))
        let before = budget.balance(at: clock.now)
        let hedging = try hedging(
            HedgingConfiguration(maximumAttempts: 3, delay: .afterFailure, ownBudget: nil),
            budget: budget
        )
        await #expect(throws: Broken(number: 3)) { try await hedging.run { throw Broken(number: $0) } }
        // The third is the call's own failure, which whoever retries the call tells the budget.
        #expect(budget.balance(at: clock.now) == before - 2)
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
                await withTaskCancellationHandler {
                    await attempts.pass()
                } onCancel: {
                    cancelled.append(attempt)
                }
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

    @Test func `a call whose caller gave up says nothing about latencies`() async throws {
        let (hedging, gate, disposed) = (
            try hedging(HedgingConfiguration(delay: .percentile(HedgingPercentile(0.5, minimumCalls: 1)))), Gate(),
            Gate()
        )
        let caller = Task {
            try await hedging.run(dispose: { _ in disposed.open() }) { attempt in
                await gate.pass()
                return attempt
            }
        }
        await gate.waitForArrivals()
        caller.cancel()
        await #expect(throws: CancellationError.self) { try await caller.value }
        gate.open()
        await disposed.pass()
        clock.advance(by: .seconds(3))
        #expect(hedging.currentDelay == nil)
        #expect(try await hedging.run { $0 } == 1)
        clock.advance(by: .seconds(3))
        #expect(hedging.currentDelay == .milliseconds(1), "a call that ended says how long it took")
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

    @Test func `observe-only asks the budgets, its own for good and the shared one without taking anything`()
        async throws
    {
        let clock = clock
        let shared = try RetryBudget(RetryBudgetConfiguration(percent: 0, minimumPerSecond: 1, timeToLive: .seconds(1)))
        let own = RetryBudgetConfiguration(percent: 0, minimumPerSecond: 2, timeToLive: .seconds(1))
        let hedging = try Hedging(
            HedgingConfiguration(ownBudget: own, mode: .observe),
            budget: shared,
            name: "reviews",
            observers: ObserverSet([observer]),
            clock: clock
        )
        for _ in 0..<3 {
            await #expect(throws: Broken()) { try await hedging.run { (_: Int) in throw Broken() } }
        }
        #expect(
            observer.decisions == [
                decision(.hedged, .failure, isEnforced: false), decision(.hedged, .failure, isEnforced: false),
                decision(.refused, .budget, isEnforced: false),
            ]
        )
        #expect(shared.balance(at: clock.now) == 1)
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

    @Test func `gRPC's dialect clamps to five attempts and sends them all at once`() {
        let configuration = HedgingConfiguration.gRPC(maximumAttempts: 9, nonFatalStatusCodes: [14])
        #expect(configuration.maximumAttempts == 5)
        #expect(configuration.delay == .fixed(.zero))
        #expect(configuration.ownBudget == nil)
        #expect(throws: Never.self) { try configuration.validate() }
    }

    @Test func `Finagle's dialect backs up slow calls alone, and a failure goes through`() async throws {
        let configuration = HedgingConfiguration.finagle(maximumExtraLoad: 0.01)
        #expect(configuration.delay == .percentile(HedgingPercentile(0.99)))
        #expect(configuration.ownBudget?.percent == 1)
        #expect(throws: ConfigurationError.self) { try HedgingConfiguration.finagle(maximumExtraLoad: 1).validate() }
        let hedging = try hedging(configuration)
        await #expect(throws: Broken(number: 1)) { try await hedging.run { throw Broken(number: $0) } }
        #expect(observer.decisions == [])
    }
}
