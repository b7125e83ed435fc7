// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Testing

/// Rows 1–26 of the facts: resilience4j's breaker with the facts' configuration A.
@Suite struct Resilience4jBreakerTests {
    static var rowA: CircuitBreakerConfiguration {
        var configuration = CircuitBreakerConfiguration.resilience4j
        configuration.callWindow = nil
        configuration.window = .seconds(20)
        configuration.buckets = 20
        configuration.minimumCalls = 5
        configuration.openDuration = .seconds(5)
        configuration.probes = 4
        configuration.slowCallRate = 0.5
        configuration.slowCallDuration = .seconds(4)
        return configuration
    }

    private func halfOpen(_ configuration: CircuitBreakerConfiguration = rowA) -> BreakerBench {
        var bench = BreakerBench(configuration)
        bench.play("FFFFF")
        bench.wait(.seconds(6))
        return bench
    }

    @Test func `row 1: a success that makes the calls enough opens it at 60 percent`() {
        var bench = BreakerBench(Self.rowA)
        bench.play("FFFS")
        #expect(bench.machine.state == .closed)
        bench.play("S")
        #expect(bench.isOpen)
        #expect(bench.metrics.failureRate == 0.6)
    }

    @Test func `row 2: the call after that is refused and counted`() {
        var bench = BreakerBench(Self.rowA)
        bench.play("FFFSS")
        #expect(bench.metrics.refused == 0)
        #expect(bench.admit() == nil)
        #expect(bench.metrics.refused == 1)
    }

    @Test func `rows 3, 4: 40 percent leave it closed, exactly 50 open it`() {
        var bench = BreakerBench(Self.rowA)
        bench.play("SSSFF", step: .seconds(1))
        #expect(bench.machine.state == .closed)
        #expect(bench.metrics.failureRate == 0.4)
        bench.play("F", step: .seconds(1))
        #expect(bench.isOpen)
        #expect(bench.metrics.failureRate == 0.5)
        #expect(bench.machine.cause == .failureRate)
    }

    @Test func `row 5: three slow of five successes open it`() {
        var bench = BreakerBench(Self.rowA)
        bench.play("SS", taking: .seconds(5))
        bench.play("SS", taking: .milliseconds(100))
        #expect(bench.machine.state == .closed)
        bench.play("S", taking: .seconds(5))
        #expect(bench.isOpen)
        #expect(bench.metrics.slowCallRate == 0.6)
        #expect(bench.machine.cause == .slowCallRate)
    }

    @Test func `row 6: exactly four seconds are not slow, a nanosecond more is`() {
        var bench = BreakerBench(Self.rowA)
        bench.play("SSSSS", taking: .seconds(4))
        #expect(bench.machine.state == .closed)
        #expect(bench.metrics.slowCalls == 0)
        bench.play("S", taking: Nanoseconds(rawValue: 4_000_000_001))
        #expect(bench.metrics.slowCalls == 1)
    }

    @Test func `row 7: below the minimum of calls there is no rate`() {
        var bench = BreakerBench(Self.rowA)
        bench.play("FFFF")
        #expect(bench.machine.state == .closed)
        #expect(bench.metrics.failureRate == nil && bench.metrics.slowCallRate == nil)
        #expect(bench.metrics.failures == 4)
    }

    @Test func `row 8: it refuses while its wait lasts`() {
        var bench = BreakerBench(Self.rowA)
        bench.play("FFFFF")
        bench.wait(.seconds(3))
        #expect(bench.ask() == .refused(retryAfter: .seconds(2)))
    }

    @Test func `row 9: the first call after the wait makes it half open and takes a permit`() {
        var bench = halfOpen()
        #expect(bench.admit() != nil)
        #expect(bench.machine.state == .halfOpen)
        #expect(bench.metrics.failureRate == nil && bench.metrics.slowCallRate == nil)
        #expect(bench.metrics.probesOut == 1 && bench.metrics.calls == 0)
    }

    @Test func `row 10: without a call it stays open, unless half-open is automatic`() {
        var bench = halfOpen()
        bench.machine.timePassed(at: bench.now, using: bench.random)
        #expect(bench.isOpen)
        var configuration = Self.rowA
        configuration.isHalfOpenAutomatic = true
        bench = halfOpen(configuration)
        bench.machine.timePassed(at: bench.now, using: bench.random)
        #expect(bench.machine.state == .halfOpen)
        #expect(bench.metrics.probesOut == 0)
    }

    @Test func `row 11: a wait that grows by half is 7,5 s for the second opening in a row`() {
        var configuration = Self.rowA
        configuration.openGrowth = .exponential(1.5)
        var bench = BreakerBench(configuration)
        bench.play("FFFFF")
        #expect(bench.openFor == .seconds(5))
        bench.waitOut()
        bench.play("FFFF")
        #expect(bench.openFor == .milliseconds(7_500))
        #expect(bench.machine.openings == 2)
    }

    @Test func `row 12: three failures of four probes open it at 75 percent, once all four are in`() {
        var bench = halfOpen()
        bench.play("FFS")
        #expect(bench.machine.state == .halfOpen)
        bench.play("F")
        #expect(bench.isOpen)
        #expect(bench.metrics.failureRate == 0.75)
    }

    @Test func `row 13: three slow probes of four open it`() {
        var bench = halfOpen()
        bench.play("SSS", taking: .seconds(5))
        bench.play("S")
        #expect(bench.isOpen)
        #expect(bench.machine.cause == .slowCallRate)
        #expect(bench.metrics.slowCallRate == 0.75)
    }

    @Test func `row 14: one failure of four probes closes it, and the window is empty`() {
        var bench = halfOpen()
        bench.play("FSSS")
        #expect(bench.machine.state == .closed)
        #expect(bench.metrics.calls == 0 && bench.metrics.failureRate == nil)
        bench.play("FFFF")
        #expect(bench.machine.state == .closed)
    }

    @Test func `row 15: four probes are out, a fifth is refused, and one that comes back makes room for one`() throws {
        var bench = halfOpen()
        let permits = (0..<4).compactMap { _ in bench.admit() }
        #expect(permits.count == 4)
        #expect(bench.admit() == nil)
        bench.end("I", try #require(permits.first))
        #expect(bench.admit() != nil)
        #expect(bench.admit() == nil)
    }

    @Test func `row 16: an ignored error gives its permit back and counts nothing`() {
        var bench = halfOpen()
        bench.play("IIIIIIIII")
        #expect(bench.machine.state == .halfOpen)
        #expect(bench.metrics.calls == 0 && bench.metrics.probesOut == 0)
    }

    @Test func `row 17: a closed breaker cannot be made half open`() throws {
        let breaker = try CircuitBreaker(Self.rowA, clock: ManualClock())
        let error = #expect(throws: CircuitBreaker.IllegalTransition.self) { try breaker.halfOpen() }
        #expect(error?.from == .closed)
        breaker.open()
        #expect(throws: Never.self) { try breaker.halfOpen() }
        #expect(breaker.state == .halfOpen)
    }

    @Test func `row 18: forced open is left by no result and by no time, and refuses everything`() throws {
        var bench = BreakerBench(Self.rowA)
        let first = bench.admit()
        bench.machine.forcingChanged(to: .open, at: bench.now)
        bench.end("S", try #require(first))
        for _ in 0..<100 {
            bench.wait(.seconds(3_600))
            bench.machine.timePassed(at: bench.now, isAsked: true, using: bench.random)
            #expect(bench.ask() == .refused(retryAfter: .forever))
        }
        #expect(bench.machine.state == .forcedOpen)
        bench.machine.forcingChanged(to: [], at: bench.now)
        #expect(bench.machine.state == .closed)
    }

    @Test(arguments: [true, false])
    func `row 19: disabled lets a hundred failures pass and records nothing`(fromTheStart: Bool) {
        var configuration = Self.rowA
        configuration.mode = fromTheStart ? .disabled : .enforce
        var bench = BreakerBench(configuration)
        if !fromTheStart {
            bench.play("FFFFFFF")
            #expect(bench.isOpen)
            bench.machine.modeChanged(to: .disabled, at: bench.now)
        }
        #expect(bench.play("F" * 100) == 100)
        #expect(bench.machine.state == .closed)
        #expect(bench.metrics.calls == 0 && bench.metrics.consecutiveFailures == 0)
    }

    @Test func `row 20: observing, it lets everything pass and says once that the threshold is crossed`() async throws {
        let (observer, clock) = (RecordingObserver(), ManualClock())
        var configuration = Self.rowA
        configuration.mode = .observe
        let breaker = try CircuitBreaker(
            configuration,
            name: "reviews",
            observers: ObserverSet([observer]),
            clock: clock
        )
        for _ in 0..<100 {
            await #expect(throws: Broken.self) { try await breaker.run { throw Broken() } }
        }
        let changes = observer.decisions.filter { $0.action == .changed }
        #expect(
            changes == [
                PolicyDecision(.circuitBreaker, name: "reviews", .changed, because: .failures, isEnforced: false)
            ]
        )
        // What it says of each call that it would have refused is another thing.
        let refusals = observer.decisions.filter { $0.action == .refused }
        #expect(refusals.count == 95 && refusals.allSatisfy { !$0.isEnforced && $0.reason == .open })
    }

    @Test func `row 21: a step to the state that it is in is no event`() throws {
        let observer = RecordingObserver()
        let breaker = try CircuitBreaker(Self.rowA, observers: ObserverSet([observer]), clock: ManualClock())
        breaker.close()
        breaker.force([])
        breaker.reset()
        #expect(observer.decisions.isEmpty)
        breaker.open()
        breaker.open(for: .seconds(99))
        #expect(observer.decisions.count == 1)
        try breaker.halfOpen()
        try breaker.halfOpen()
        #expect(observer.decisions.count == 2)
        breaker.force(.open)
        breaker.force([.open, .closed])
        #expect(observer.decisions.count == 3)
    }

    @Test func `row 22: opened for two hours it refuses after one and lets pass after two`() throws {
        let clock = ManualClock()
        let breaker = try CircuitBreaker(Self.rowA, clock: clock)
        breaker.open(for: .seconds(7_200))
        clock.advance(by: .seconds(3_600))
        #expect(breaker.admit(at: clock.now) == .refused(retryAfter: .seconds(3_600)))
        clock.advance(by: .seconds(3_601))
        guard case .admitted = breaker.admit(at: clock.now) else {
            Issue.record("the call was refused")
            return
        }
    }

    @Test(arguments: [true, false])
    func `row 23: half open without results for a second, it opens, or closes where that is wanted`(closes: Bool) {
        var configuration = Self.rowA
        configuration.halfOpenLimit = .seconds(1)
        configuration.closesAfterHalfOpenLimit = closes
        var bench = halfOpen(configuration)
        #expect(bench.admit() != nil)
        bench.wait(.milliseconds(999))
        bench.machine.timePassed(at: bench.now, using: bench.random)
        #expect(bench.machine.state == .halfOpen)
        bench.wait(.milliseconds(1))
        bench.machine.timePassed(at: bench.now, using: bench.random)
        #expect(closes ? bench.machine.state == .closed : bench.openFor == .seconds(5))
        #expect(bench.machine.cause == .probesTimedOut)
    }

    @Test func `row 24: a window of calls that is smaller than the minimum is the minimum`() {
        var configuration = Self.rowA
        configuration.callWindow = 3
        configuration.minimumCalls = 100
        var bench = BreakerBench(configuration)
        bench.play("FF")
        #expect(bench.machine.state == .closed)
        bench.play("F")
        #expect(bench.isOpen)
    }

    @Test func `row 25: a time window of 5 s knows three calls after four seconds and none after five`() {
        var configuration = Self.rowA
        configuration.window = .seconds(5)
        configuration.buckets = 5
        var bench = BreakerBench(configuration)
        bench.play("SSF")
        bench.wait(.seconds(4))
        #expect(bench.metrics.calls == 3)
        bench.wait(.seconds(1))
        #expect(bench.metrics.calls == 0)
    }

    @Test func `row 26: a late failure of a call from before is counted while open, and changes nothing`() throws {
        var bench = BreakerBench(Self.rowA)
        let first = bench.admit()
        bench.play("FFFFF")
        let before = bench.machine.state
        bench.end("F", try #require(first))
        #expect(bench.metrics.calls == 6 && bench.metrics.failures == 6)
        #expect(bench.machine.state == before)
    }
}
