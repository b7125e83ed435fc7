// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Testing

/// Rows 47–69 of the facts: Linkerd, Finagle, gopkg, failsafe-go.
@Suite struct MeshBreakerDialectsTests {
    // MARK: Linkerd

    @Test func `row 47: Linkerd needs five calls, and the fifth failure opens it`() {
        var bench = BreakerBench(.linkerd)
        bench.play("FFFF")
        #expect(bench.machine.state == .closed)
        bench.play("F")
        #expect(bench.isOpen && bench.machine.cause == .successRate)
    }

    @Test(arguments: [Nanoseconds(rawValue: 200_000), .seconds(1)])
    func `row 48: five failures open Linkerd at the fifth, however fast they come`(step: Nanoseconds) {
        var bench = BreakerBench(.linkerd)
        bench.play("FFFF", step: step)
        #expect(bench.machine.state == .closed)
        bench.play("F", step: step)
        #expect(bench.isOpen)
    }

    @Test func `row 49: Linkerd's success rate has to fall below the threshold, not onto it`() {
        var bench = BreakerBench(.linkerd)
        bench.play("SSSSSSSSFF")
        #expect(bench.machine.state == .closed)
        bench.play("F")
        #expect(bench.isOpen)
    }

    @Test func `row 50: an empty window opens nothing, whatever is asked of it`() {
        var configuration = CircuitBreakerConfiguration.linkerd
        configuration.minimumSuccessRate = 1
        configuration.minimumCalls = 0
        var bench = BreakerBench(configuration)
        bench.play("IIIII")
        bench.machine.timePassed(at: bench.now, isAsked: true, using: bench.random)
        #expect(bench.machine.state == .closed)
        #expect(bench.metrics.calls == 0 && bench.metrics.failureRate == nil)
    }

    @Test func `row 51: without a minimum the first failure opens Linkerd`() {
        var configuration = CircuitBreakerConfiguration.linkerd
        configuration.minimumCalls = 0
        var bench = BreakerBench(configuration)
        bench.play("F")
        #expect(bench.isOpen)
    }

    @Test func `row 52: a failure that is 10,5 s old is out of Linkerd's window of 10 s`() {
        var configuration = CircuitBreakerConfiguration.linkerd
        configuration.minimumCalls = 0
        configuration.minimumSuccessRate = 0
        var bench = BreakerBench(configuration)
        bench.play("F")
        bench.wait(.seconds(5))
        bench.play("S")
        #expect(bench.metrics.failureRate == 0.5)
        bench.wait(.milliseconds(5_500))
        bench.play("S")
        #expect(bench.metrics.failureRate == 0)
    }

    @Test func `row 53: after sixty days without a call a window of 1 ms counts as before`() {
        var configuration = CircuitBreakerConfiguration.linkerd
        configuration.window = .milliseconds(1)
        var bench = BreakerBench(configuration)
        bench.play("FFFF")
        bench.wait(.seconds(60 * 86_400))
        bench.play("FFF")
        #expect(bench.isOpen, "seven failures in a row")
        bench = BreakerBench(configuration)
        bench.play("S")
        bench.wait(.seconds(60 * 86_400))
        bench.play("FFFF")
        #expect(bench.machine.state == .closed && bench.metrics.calls == 4)
        bench.play("F")
        #expect(bench.isOpen && bench.machine.cause == .successRate)
    }

    @Test func `row 54: a bucket is never narrower than 1 ms, and a window of 5 s is exactly 5 s`() {
        var configuration = CircuitBreakerConfiguration.linkerd
        configuration.window = Nanoseconds(rawValue: 100_000)
        var bench = BreakerBench(configuration)
        bench.play("S")
        bench.wait(Nanoseconds(rawValue: 9_999_999))
        #expect(bench.metrics.calls == 1)
        bench.wait(Nanoseconds(rawValue: 1))
        #expect(bench.metrics.calls == 0)
        configuration.window = .seconds(5)
        bench = BreakerBench(configuration)
        bench.play("S")
        bench.wait(Nanoseconds(rawValue: 4_999_999_999))
        #expect(bench.metrics.calls == 1)
        bench.wait(Nanoseconds(rawValue: 1))
        #expect(bench.metrics.calls == 0)
    }

    @Test func `row 55: answers of overload lower Linkerd's success rate and end a run of failures`() {
        var configuration = CircuitBreakerConfiguration.linkerd
        configuration.minimumCalls = 100
        var bench = BreakerBench(configuration)
        bench.play("OOOOO")
        #expect(bench.metrics.consecutiveFailures == 0 && bench.metrics.failures == 5)
        bench.play("FFFFFFOFFFFFF")
        #expect(bench.machine.state == .closed)
        bench.play("F")
        #expect(bench.isOpen && bench.machine.cause == .consecutiveFailures)
        bench = BreakerBench(.linkerd)
        bench.play("OOOOO")
        #expect(bench.isOpen && bench.machine.cause == .successRate)
    }

    @Test func `row 56: overload in probation keeps Linkerd shut, for longer`() throws {
        var bench = BreakerBench(.linkerd)
        bench.play("FFFFF")
        let first = try #require(bench.openFor)
        bench.waitOut()
        bench.play("O")
        let second = try #require(bench.openFor)
        #expect(bench.machine.cause == .probeFailed)
        #expect(first >= .seconds(1) && first <= .milliseconds(1_500))
        #expect(second >= .seconds(2) && second <= .seconds(3))
    }

    @Test func `row 58: answers of old calls change nothing while Linkerd is shut`() throws {
        var bench = BreakerBench(.linkerd)
        let permits = (0..<3).compactMap { _ in bench.admit() }
        #expect(permits.count == 3)
        bench.play("FFFFF")
        let (state, metrics) = (bench.machine.state, bench.metrics)
        for (letter, permit) in zip("SFO", permits) { bench.end(letter, permit) }
        #expect(bench.machine.state == state && bench.metrics == metrics)
    }

    @Test func `row 59: of two rules that one answer breaks, failures in a row are the reason`() {
        var configuration = CircuitBreakerConfiguration.linkerd
        configuration.consecutiveFailures = 5
        var bench = BreakerBench(configuration)
        bench.play("FFFFF")
        #expect(bench.machine.cause == .consecutiveFailures)
    }

    @Test func `row 60: after a recovery Linkerd's back-off begins at its base`() {
        var configuration = CircuitBreakerConfiguration.linkerd
        configuration.openJitter = .none
        var bench = BreakerBench(configuration)
        var times: [Nanoseconds] = []
        bench.play("FFFFF")
        for _ in 0..<8 {
            times.append(bench.openFor ?? .zero)
            bench.waitOut()
            bench.play("F")
        }
        #expect(times == [1, 2, 4, 8, 16, 32, 60, 60].map { .seconds($0) })
        bench.waitOut()
        bench.play("S")
        bench.play("FFFFF")
        #expect(bench.openFor == .seconds(1))
    }

    @Test func `row 61: of two callers in probation one is let through`() {
        var bench = BreakerBench(.linkerd)
        bench.play("FFFFF")
        bench.waitOut()
        #expect([bench.admit(), bench.admit()].map { $0 != nil } == [true, false])
    }

    // MARK: Finagle

    private var threeInARow: CircuitBreakerConfiguration {
        var configuration = CircuitBreakerConfiguration.finagle
        configuration.consecutiveFailures = 3
        configuration.minimumSuccessRate = nil
        return configuration
    }

    @Test func `row 62: three failures in a row make Finagle busy for an equally jittered time from 5 s on`() throws {
        var bench = BreakerBench(threeInARow)
        bench.play("FFSFF")
        #expect(bench.machine.state == .closed)
        bench.play("F")
        #expect(bench.openFor == .seconds(5))
        for range in [5...10, 10...20, 20...40] as [ClosedRange<UInt64>] {
            bench.waitOut()
            bench.play("F")
            let time = try #require(bench.openFor)
            #expect(time >= .seconds(range.lowerBound) && time <= .seconds(range.upperBound))
        }
    }

    @Test func `row 63: Finagle is open for one probe, and revived only when it passes`() {
        var bench = BreakerBench(threeInARow)
        bench.play("FFF")
        bench.waitOut()
        let probe = bench.admit()
        #expect(bench.admit() == nil)
        #expect(bench.metrics.recoveries == 0)
        bench.end("S", probe ?? 0)
        #expect(bench.metrics.recoveries == 1 && bench.machine.state == .closed)
    }

    @Test func `row 64: when Finagle's back-off is exhausted it is 300 s each time`() {
        var configuration = threeInARow
        configuration.openSchedule = [.seconds(5), .seconds(7)]
        configuration.openDuration = .seconds(300)
        configuration.openGrowth = .constant
        configuration.openJitter = .none
        var bench = BreakerBench(configuration)
        bench.play("FFF")
        var times: [Nanoseconds] = []
        for _ in 0..<5 {
            times.append(bench.openFor ?? .zero)
            bench.waitOut()
            bench.play("F")
        }
        #expect(times == [5, 7, 300, 300, 300].map { .seconds($0) })
    }

    @Test func `row 65: from a perfect start the 70th failure, not the 69th, brings Finagle's average below a half`() {
        let configuration = CircuitBreakerConfiguration(
            failureRate: nil,
            window: .forever,
            averageSuccessRate: 0.5,
            averageSpan: 100
        )
        var bench = BreakerBench(configuration)
        bench.play("S" * 100 + "F" * 69)
        #expect(bench.machine.state == .closed)
        #expect(abs((bench.metrics.averageSuccessRate ?? 0) - 0.50158) < 0.00001)
        bench.play("F")
        #expect(bench.isOpen && bench.machine.cause == .averageSuccessRate)
        bench = BreakerBench(configuration)
        bench.play("F" * 99)
        #expect(bench.machine.state == .closed, "as many calls as the span have to be in")
    }

    @Test func `row 66: a failure that may be ignored leaves Finagle's probe open`() {
        var bench = BreakerBench(threeInARow)
        bench.play("FFF")
        bench.waitOut()
        bench.play("I")
        #expect(bench.machine.state == .halfOpen)
        #expect(bench.metrics.recoveries == 0 && bench.metrics.calls == 0)
        #expect(bench.admit() != nil)
    }

    // MARK: gopkg and failsafe-go

    @Test func `row 67: gopkg lets one probe pass each 200 ms, and two successes in a row close it`() throws {
        var bench = BreakerBench(.gopkg)
        bench.play("F" * 200)
        bench.wait(.seconds(5))
        let hung = bench.admit()
        #expect(hung != nil)
        #expect(bench.ask() == .refused(retryAfter: .milliseconds(200)))
        bench.wait(.milliseconds(199))
        #expect(bench.ask() == .refused(retryAfter: .milliseconds(1)))
        bench.wait(.milliseconds(1))
        bench.play("S")
        #expect(bench.machine.state == .halfOpen)
        bench.wait(.milliseconds(200))
        bench.play("S")
        #expect(bench.machine.state == .closed, "the probe that hangs held nobody up")
        bench.play("F" * 200)
        bench.wait(.seconds(5))
        bench.play("SF", step: .milliseconds(200))
        #expect(bench.isOpen)
    }

    @Test func `row 68: failsafe-go with three failures opens when they come in a row`() {
        var configuration = CircuitBreakerConfiguration.failsafe
        configuration.consecutiveFailures = 3
        var bench = BreakerBench(configuration)
        bench.play("FSFF")
        #expect(bench.machine.state == .closed)
        bench.play("F")
        #expect(bench.isOpen)
    }

    @Test func `row 69: failsafe-go with three of four stays closed while every second call fails`() {
        let configuration = CircuitBreakerConfiguration(failureRate: 0.75, minimumCalls: 4, callWindow: 4)
        var bench = BreakerBench(configuration)
        bench.play("SF" * 20)
        #expect(bench.machine.state == .closed)
        bench.play("F")
        #expect(bench.isOpen, "three of F, S, F, F failed")
    }
}
