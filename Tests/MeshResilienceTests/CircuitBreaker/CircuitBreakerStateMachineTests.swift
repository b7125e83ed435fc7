// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import Testing

@Suite struct CircuitBreakerStateMachineTests {
    /// A breaker with a time of its own, driven by words: `F` failure, `S` success, `I` ignored, one call each.
    struct Bench {
        var machine: CircuitBreakerStateMachine
        var now = MeshInstant(nanoseconds: 1_000_000_000)

        init(_ configuration: CircuitBreakerConfiguration) { machine = CircuitBreakerStateMachine(configuration) }

        mutating func wait(_ time: Nanoseconds) { now = now.advanced(by: time) }

        mutating func admit() -> UInt64? {
            if case .admitted(let permit) = machine.callWanted(at: now) { permit } else { nil }
        }

        mutating func play(_ outcomes: String, step: Nanoseconds = .zero) {
            for letter in outcomes {
                wait(step)
                guard let permit = admit() else { continue }
                let outcome: Outcome = letter == "F" ? .failure : letter == "S" ? .success : .ignored
                machine.callEnded(outcome, permit: permit, at: now)
            }
        }

        var isOpen: Bool { if case .open = machine.state { true } else { false } }
    }

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
        var bench = Bench(configuration)
        bench.play(calls)
        #expect(bench.isOpen == opens)
    }

    @Test func `an open breaker refuses until its time is over, and says how long that is`() {
        var bench = Bench(Self.rowA)
        bench.play("FFFFF")
        bench.wait(.seconds(2))
        #expect(bench.machine.callWanted(at: bench.now) == .refused(retryAfter: .seconds(3)))
        bench.wait(Nanoseconds(rawValue: 2_999_999_999))
        #expect(bench.admit() == nil)
        bench.wait(Nanoseconds(rawValue: 1))
        #expect(bench.isOpen)
        #expect(bench.admit() != nil)
        #expect(bench.machine.state == .halfOpen)
    }

    @Test func `half-open admits as many probes as configured`() {
        var bench = Bench(Self.rowA)
        bench.play("FFFFF")
        bench.wait(.seconds(5))
        let permits = (0..<5).map { _ in bench.admit() }
        #expect(permits.map { $0 != nil } == [true, true, true, true, false])
    }

    @Test func `an ignored probe gives its place to another and counts for nothing`() throws {
        var bench = Bench(Self.rowA)
        bench.play("FFFFF")
        bench.wait(.seconds(5))
        let permits = (0..<4).compactMap { _ in bench.admit() }
        bench.machine.callEnded(.ignored, permit: try #require(permits.first), at: bench.now)
        #expect(bench.machine.state == .halfOpen)
        #expect(bench.admit() != nil)
        #expect(bench.admit() == nil)
    }

    @Test func `one of a hundred callers is the probe`() {
        var bench = Bench(CircuitBreakerConfiguration(minimumCalls: 1))
        bench.play("F")
        bench.wait(.seconds(5))
        #expect((0..<100).compactMap { _ in bench.admit() }.count == 1)
    }

    @Test func `a cancelled probe does not keep the breaker shut`() throws {
        var bench = Bench(CircuitBreakerConfiguration(minimumCalls: 1))
        bench.play("F")
        bench.wait(.seconds(5))
        let cancelled = bench.admit()
        bench.machine.callEnded(.ignored, permit: try #require(cancelled), at: bench.now)
        #expect(bench.machine.state == .halfOpen)
        bench.play("S")
        #expect(bench.machine.state == .closed)
    }

    @Test func `all probes have to succeed, and then the window is empty`() {
        var bench = Bench(Self.rowA)
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
        var bench = Bench(Self.rowA)
        bench.play("FFFFF")
        bench.wait(.seconds(6))
        bench.play("SF")
        #expect(bench.machine.state == .open(until: bench.now.advanced(by: .seconds(5))))
    }

    @Test func `a result from an earlier state changes nothing`() throws {
        var bench = Bench(Self.rowA)
        let first = bench.admit()
        let late = try #require(first)
        bench.play("FFFFF")
        bench.wait(.seconds(5))
        let second = bench.admit()
        let probe = try #require(second)
        bench.machine.callEnded(.failure, permit: late, at: bench.now)
        #expect(bench.machine.state == .halfOpen)
        bench.machine.callEnded(.success, permit: late, at: bench.now)
        bench.machine.callEnded(.success, permit: probe, at: bench.now)
        #expect(bench.machine.state == .halfOpen)
        #expect((0..<4).compactMap { _ in bench.admit() }.count == 3)
    }

    @Test func `failures that are older than the window are forgotten`() {
        var bench = Bench(Self.rowA)
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

    @Test func `extremes of time and configuration do not overflow`() {
        var bench = Bench(
            CircuitBreakerConfiguration(minimumCalls: 1, window: .forever, openDuration: .forever, probes: .max)
        )
        bench.play("F")
        bench.now = MeshInstant(nanoseconds: .max)
        bench.play("FSI")
        var tiny = Bench(CircuitBreakerConfiguration(minimumCalls: 1, window: .zero, openDuration: .zero))
        tiny.play("FFSSF")
        tiny.now = MeshInstant(nanoseconds: .max)
        tiny.play("FFSSF")
        #expect(bench.machine.state == .halfOpen || bench.isOpen)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `a random walk never admits too many probes and never refuses while closed`(seed: UInt64) {
        let random = MeshRandom(seed: seed)
        let configuration = CircuitBreakerConfiguration(
            failureRate: 0.4,
            minimumCalls: 3,
            window: .seconds(1),
            openDuration: .milliseconds(300),
            probes: 3
        )
        var bench = Bench(configuration)
        var out: [(permit: UInt64, state: CircuitBreakerStateMachine.State)] = []
        for _ in 0..<20_000 {
            bench.wait(.milliseconds(random.below(40)))
            let before = bench.machine.state
            if out.isEmpty || random.below(2) == 0 {
                switch bench.machine.callWanted(at: bench.now) {
                case .admitted(let permit):
                    if case .open(let until) = before { #expect(bench.now >= until) }
                    out.append((permit, bench.machine.state))
                case .refused(let wait):
                    #expect(before != .closed)
                    #expect(wait <= configuration.openDuration)
                }
            } else {
                let call = out.remove(at: Int(random.below(UInt64(out.count))))
                let outcome = [Outcome.success, .failure, .ignored][Int(random.below(3))]
                bench.machine.callEnded(outcome, permit: call.permit, at: bench.now)
            }
            if bench.machine.state == .halfOpen, let newest = out.map(\.permit).max() {
                #expect(out.count { $0.permit == newest && $0.state == .halfOpen } <= configuration.probes)
            }
        }
    }
}
