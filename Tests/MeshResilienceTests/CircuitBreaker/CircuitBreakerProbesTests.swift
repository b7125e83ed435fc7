// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import Testing

@Suite struct CircuitBreakerProbesTests {
    private static let rowA = CircuitBreakerConfiguration(
        failureRate: 0.5,
        minimumCalls: 5,
        window: .seconds(20),
        openDuration: .seconds(5),
        probes: 4
    )

    @Test func `half-open admits as many probes as configured`() {
        var bench = BreakerBench(Self.rowA)
        bench.play("FFFFF")
        bench.wait(.seconds(5))
        let permits = (0..<5).map { _ in bench.admit() }
        #expect(permits.map { $0 != nil } == [true, true, true, true, false])
    }

    @Test func `an ignored probe gives its place to another and counts for nothing`() throws {
        var bench = BreakerBench(Self.rowA)
        bench.play("FFFFF")
        bench.wait(.seconds(5))
        let permits = (0..<4).compactMap { _ in bench.admit() }
        bench.end("I", try #require(permits.first))
        #expect(bench.machine.state == .halfOpen)
        #expect(bench.admit() != nil)
        #expect(bench.admit() == nil)
    }

    @Test(arguments: [true, false])
    func `a probe that is still out when the breaker opens is not shown as one any more`(isForced: Bool) throws {
        var bench = BreakerBench(Self.rowA)
        bench.play("FFFFF")
        bench.wait(.seconds(5))
        let permits = (0..<2).compactMap { _ in bench.admit() }
        #expect(bench.metrics.probesOut == 2)
        if isForced {
            bench.machine.forcingChanged(to: .open, at: bench.now)
        } else {
            bench.end("F", try #require(permits.first))
            #expect(bench.isOpen)
        }
        #expect(bench.metrics.probesOut == 0)
        bench.end("S", try #require(permits.last))
        #expect(bench.metrics.probesOut == 0)
    }

    @Test func `one of a hundred callers is the probe`() {
        var bench = BreakerBench(CircuitBreakerConfiguration(minimumCalls: 1))
        bench.play("F")
        bench.wait(.seconds(5))
        #expect((0..<100).compactMap { _ in bench.admit() }.count == 1)
    }

    @Test func `a cancelled probe does not keep the breaker shut`() throws {
        var bench = BreakerBench(CircuitBreakerConfiguration(minimumCalls: 1))
        bench.play("F")
        bench.wait(.seconds(5))
        let cancelled = bench.admit()
        bench.end("I", try #require(cancelled))
        #expect(bench.machine.state == .halfOpen)
        bench.play("S")
        #expect(bench.machine.state == .closed)
    }

    @Test func `all probes have to succeed, and then the window is empty`() {
        var bench = BreakerBench(Self.rowA)
        bench.play("FFFFF")
        bench.wait(.seconds(5))
        bench.play("SSS")
        #expect(bench.machine.state == .halfOpen)
        bench.play("S")
        #expect(bench.machine.state == .closed)
        bench.play("FFFF")
        #expect(bench.machine.state == .closed)
        bench.play("F")
        #expect(bench.isOpen)
    }

    @Test func `a probe that fails opens it for the whole time again`() {
        var bench = BreakerBench(Self.rowA)
        bench.play("FFFFF")
        bench.wait(.seconds(6))
        bench.play("SF")
        #expect(bench.machine.state == .open(until: bench.now.advanced(by: .seconds(5))))
    }

    @Test(arguments: [
        CircuitBreakerConfiguration(minimumCalls: 1, window: .forever, openDuration: .forever, probes: .max),
        CircuitBreakerConfiguration(minimumCalls: 1, window: .zero, openDuration: .zero),
        CircuitBreakerConfiguration(minimumCalls: .min, probes: .min, buckets: .min, callWindow: .min),
        CircuitBreakerConfiguration(minimumCalls: 1, window: .seconds(86_400), buckets: 1, halfOpenLimit: .forever),
        CircuitBreakerConfiguration(
            minimumCalls: 1,
            averageSuccessRate: .nan,
            averageSpan: .min,
            openGrowth: .exponential(.infinity),
            openJitter: .symmetric(.nan),
            recovery: .successes(.max),
            probeInterval: .forever
        ),
    ])
    func `extremes of time and of configurations that nobody checked do not trap`(
        configuration: CircuitBreakerConfiguration
    ) {
        let instants: [UInt64] = [0, 1, 5_000_000_000, 0, .max - 1, .max, .max, 1 << 40, 60 * 86_400_000_000_000, .max]
        var bench = BreakerBench(configuration, at: MeshInstant(nanoseconds: 0))
        for nanoseconds in instants {
            bench.now = MeshInstant(nanoseconds: nanoseconds)
            bench.play("FFSIOSF", taking: .forever)
            bench.machine.openingWanted(for: .forever, at: bench.now, using: bench.random)
            bench.machine.timePassed(at: bench.now, isAsked: true, using: bench.random)
            #expect(bench.metrics.failures <= bench.metrics.calls)
        }
    }

    @Test func `probes that never report do not keep it shut, and what the others said stays`() throws {
        var bench = BreakerBench(CircuitBreakerConfiguration(minimumCalls: 1, probes: 3))
        bench.play("F")
        bench.waitOut()
        bench.play("S")
        let hung = [bench.admit(), bench.admit()].compactMap { $0 }
        #expect(hung.count == 2)
        bench.wait(.milliseconds(59_999))
        #expect(bench.admit() == nil)
        bench.wait(.milliseconds(1))
        let second = bench.admit()
        #expect(second != nil && bench.metrics.probesOut == 1)
        for permit in hung { bench.end("F", permit) }
        #expect(bench.machine.state == .halfOpen, "what they say in the end is too late")
        bench.end("S", try #require(second))
        #expect(bench.metrics.calls == 2)
        bench.play("S")
        #expect(bench.machine.state == .closed)
    }

    @Test func `half open for too long while nobody looked, it has been open since the limit`() {
        let configuration = CircuitBreakerConfiguration(minimumCalls: 1, halfOpenLimit: .seconds(1))
        var bench = BreakerBench(configuration)
        bench.play("F")
        bench.waitOut()
        #expect(bench.admit() != nil)
        bench.wait(.seconds(4))
        #expect(bench.ask() == .refused(retryAfter: .seconds(2)))
        bench.wait(.seconds(2))
        #expect(bench.admit() != nil)
        bench.wait(.seconds(60 * 86_400))
        #expect(bench.admit() != nil, "its whole open time went by, too")
    }

    @Test func `a probe that succeeds after the limit is too late`() throws {
        let configuration = CircuitBreakerConfiguration(
            halfOpenLimit: .seconds(1),
            initialState: .halfOpen
        )
        var bench = BreakerBench(configuration)
        let probe = bench.admit()
        bench.wait(.seconds(2))
        bench.end("S", try #require(probe))
        #expect(bench.openFor == .seconds(4) && bench.machine.cause == .probesTimedOut)
    }

    @Test func `a probe that is given up is no opening of its own where it opens the breaker again`() {
        var configuration = CircuitBreakerConfiguration.hystrix
        configuration.minimumCalls = 1
        configuration.openGrowth = .exponential(2)
        var bench = BreakerBench(configuration)
        bench.play("F")
        bench.waitOut()
        bench.play("I")
        #expect(bench.openFor == .seconds(5) && bench.machine.openings == 1)
        bench.waitOut()
        bench.play("F")
        #expect(bench.openFor == .seconds(10))
    }

    @Test func `a change of mode makes probes void that are out`() {
        var bench = BreakerBench(CircuitBreakerConfiguration(initialState: .halfOpen))
        let probe = bench.admit()
        #expect(probe != nil && bench.admit() == nil)
        bench.machine.modeChanged(to: .observe, at: bench.now)
        bench.end("S", probe ?? 0)
        #expect(bench.machine.state == .halfOpen && bench.admit() != nil)
    }

    @Test(arguments: [
        (CircuitBreakerConfiguration.InitialState.closed, CircuitBreakerStateMachine.State.closed),
        (.open, .open(until: MeshInstant(nanoseconds: 6_000_000_000))), (.halfOpen, .halfOpen),
        (.forcedOpen, .forcedOpen),
    ])
    func `it begins in its initial state`(
        initial: CircuitBreakerConfiguration.InitialState,
        state: CircuitBreakerStateMachine.State
    ) {
        let bench = BreakerBench(CircuitBreakerConfiguration(initialState: initial))
        #expect(bench.machine.state == state)
    }

    @Test func `let go of, a breaker that was half open probes at once`() {
        var bench = BreakerBench(CircuitBreakerConfiguration(minimumCalls: 1))
        bench.play("F")
        bench.waitOut()
        let probe = bench.admit()
        bench.machine.forcingChanged(to: .closed, at: bench.now)
        #expect(bench.play("FFFF") == 4)
        bench.machine.forcingChanged(to: [], at: bench.now)
        bench.end("S", probe ?? 0)
        #expect(bench.isOpen, "the probe was void")
        bench.play("S")
        #expect(bench.machine.state == .closed)
    }
}
