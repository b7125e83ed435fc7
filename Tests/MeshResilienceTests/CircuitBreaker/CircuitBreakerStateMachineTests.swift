// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import Testing

@Suite struct CircuitBreakerStateMachineTests {
    private static let rowA = CircuitBreakerConfiguration(
        failureRate: 0.5,
        minimumCalls: 5,
        window: .seconds(20),
        openDuration: .seconds(5),
        probes: 4
    )

    // resilience4j's rows 1, 3, 4, 7; Polly's 40 and 41; Hystrix' 36.
    static let trips: [(CircuitBreakerConfiguration, String, Bool)] = [
        (rowA, "SSFFF", true),
        (rowA, "SSSFF", false),
        (rowA, "SSSFFF", true),
        (rowA, "FFFF", false),
        (rowA, "FFFFIIIIII", false),
        (rowA, "IIIIFFFFF", true),
        (CircuitBreakerConfiguration(failureRate: 0.1, minimumCalls: 100), String(repeating: "F", count: 99), false),
        (
            CircuitBreakerConfiguration(failureRate: 0.1, minimumCalls: 100),
            String(repeating: "S", count: 90) + String(repeating: "F", count: 10), true
        ),
        (CircuitBreakerConfiguration(), String(repeating: "F", count: 19), false),
        (CircuitBreakerConfiguration(), String(repeating: "F", count: 20), true),
    ]

    @Test(arguments: trips)
    func `it opens when enough calls were made and enough of them failed`(
        configuration: CircuitBreakerConfiguration,
        calls: String,
        opens: Bool
    ) {
        var bench = BreakerBench(configuration)
        bench.play(calls)
        #expect(bench.isOpen == opens)
    }

    @Test func `an open breaker refuses until its time is over, and says how long that is`() {
        var bench = BreakerBench(Self.rowA)
        bench.play("FFFFF")
        bench.wait(.seconds(2))
        #expect(bench.ask() == .refused(retryAfter: .seconds(3)))
        bench.wait(Nanoseconds(rawValue: 2_999_999_999))
        #expect(bench.admit() == nil)
        bench.wait(Nanoseconds(rawValue: 1))
        #expect(bench.isOpen)
        #expect(bench.admit() != nil)
        #expect(bench.machine.state == .halfOpen)
    }

    @Test func `a result from an earlier state changes nothing`() throws {
        var bench = BreakerBench(Self.rowA)
        let first = bench.admit()
        let late = try #require(first)
        bench.play("FFFFF")
        bench.wait(.seconds(5))
        let second = bench.admit()
        let probe = try #require(second)
        bench.end("F", late)
        #expect(bench.machine.state == .halfOpen)
        bench.end("S", late)
        bench.end("S", probe)
        #expect(bench.machine.state == .halfOpen)
        #expect((0..<4).compactMap { _ in bench.admit() }.count == 3)
    }

    @Test func `failures that are older than the window are forgotten`() {
        var bench = BreakerBench(Self.rowA)
        bench.play("FFFF")
        bench.wait(.seconds(20))
        bench.play("F")
        #expect(bench.machine.state == .closed)
        bench.wait(.seconds(60 * 86_400))
        bench.play("FFFF")
        #expect(bench.machine.state == .closed)
        bench.play("F")
        #expect(bench.isOpen)
    }

    @Test func `a thousand openings in a row stay at the longest time`() {
        let configuration = CircuitBreakerConfiguration(
            minimumCalls: 1,
            openGrowth: .exponential(2),
            openJitter: .additive(100),
            maximumOpenDuration: .seconds(60)
        )
        var bench = BreakerBench(configuration)
        bench.play("F")
        for _ in 0..<1_000 {
            bench.waitOut()
            bench.play("F")
            #expect((bench.openFor ?? .forever) <= .seconds(60))
        }
        #expect(bench.machine.openings == 1_001 && bench.openFor == .seconds(60))
    }

    @Test(arguments: [
        (CircuitBreakerConfiguration.OpenGrowth.constant, [30, 30, 30, 30] as [UInt64]),
        (.linear, [30, 60, 90, 100]), (.exponential(3), [30, 90, 100, 100]),
    ])
    func `the open time grows as configured`(growth: CircuitBreakerConfiguration.OpenGrowth, seconds: [UInt64]) {
        let configuration = CircuitBreakerConfiguration(
            minimumCalls: 1,
            openDuration: .seconds(30),
            openGrowth: growth,
            maximumOpenDuration: .seconds(100)
        )
        var bench = BreakerBench(configuration)
        let times = seconds.map { _ in
            bench.waitOut()
            bench.play("F")
            return bench.openFor
        }
        #expect(times == seconds.map { .seconds($0) })
    }

    @Test func `symmetric jitter spreads the open time evenly around it`() {
        let configuration = CircuitBreakerConfiguration(minimumCalls: 1, openJitter: .symmetric(0.5))
        var (sum, least, most) = (0.0, Double.infinity, 0.0)
        var bench = BreakerBench(configuration)
        for _ in 0..<2_000 {
            bench.play("F")
            let time = bench.openFor?.seconds ?? 0
            (sum, least, most) = (sum + time, min(least, time), max(most, time))
            bench.waitOut()
        }
        #expect(least >= 2.5 && least < 2.6 && most <= 7.5 && most > 7.4)
        #expect(abs(sum / 2_000 - 5) < 0.1)
    }

    @Test func `a share that is met exactly opens it, whatever doubles do to products`() {
        // 0.1 * 30 is more than 3 in doubles.
        var bench = BreakerBench(CircuitBreakerConfiguration(failureRate: 0.1, minimumCalls: 30))
        bench.play("S" * 27 + "FF")
        #expect(bench.machine.state == .closed)
        bench.play("F")
        #expect(bench.isOpen)
    }

    @Test func `a number of failures in the window opens it, however many calls there were`() {
        let configuration = CircuitBreakerConfiguration(failureRate: nil, failureCount: 5)
        var bench = BreakerBench(configuration)
        bench.play("FFFF" + "S" * 1_000)
        #expect(bench.machine.state == .closed)
        bench.play("F")
        #expect(bench.isOpen && bench.machine.cause == .failureCount)
    }

    @Test func `a peer that asks to be left alone is left alone as long as the configuration allows`() {
        var configuration = CircuitBreakerConfiguration(minimumCalls: 1)
        func opened(after retryAfter: Nanoseconds?) -> Nanoseconds? {
            var bench = BreakerBench(configuration)
            guard let permit = bench.admit() else { return nil }
            bench.machine.callEnded(
                .init(.failure, retryAfter: retryAfter),
                permit: permit,
                at: bench.now,
                using: bench.random
            )
            return bench.openFor
        }
        #expect(opened(after: .seconds(30)) == .seconds(5))
        configuration.maximumRetryAfter = .seconds(300)
        #expect(opened(after: .seconds(30)) == .seconds(30))
        #expect(opened(after: .seconds(1)) == .seconds(5))
        #expect(opened(after: .forever) == .seconds(300))
        #expect(opened(after: nil) == .seconds(5))
    }

    @Test func `live counts take late results of the state before, and of no older one`() throws {
        var bench = BreakerBench(CircuitBreakerConfiguration(minimumCalls: 1, probes: 2, countsWhileOpen: .live))
        let first = bench.admit()
        let oldest = try #require(first)
        bench.play("F")
        bench.waitOut()
        let second = bench.admit()
        bench.play("F")
        #expect(bench.isOpen && bench.metrics.calls == 1)
        bench.end("S", oldest)
        #expect(bench.metrics.calls == 1)
        bench.end("S", try #require(second))
        #expect(bench.isOpen && bench.metrics.calls == 2 && bench.metrics.failureRate == 0.5)
    }
}
