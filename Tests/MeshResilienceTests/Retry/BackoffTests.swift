// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import Testing

@Suite struct BackoffTests {
    // Envoy's own vectors (`backoff_strategy_test.cc`), there in milliseconds.
    static let vectors: [(base: UInt64, maximum: UInt64, random: UInt64, waits: [UInt64])] = [
        (5, 100, 9999, [4, 9, 19, 39, 79, 99, 99]),
        (25, 30, 27, [2, 27]),
    ]

    @Test(arguments: vectors)
    func `waits are those of Envoy's code`(base: UInt64, maximum: UInt64, random: UInt64, waits: [UInt64]) {
        let backoff = Backoff(base: Nanoseconds(rawValue: base), maximum: Nanoseconds(rawValue: maximum))
        for (position, expected) in waits.enumerated() {
            #expect(backoff.wait(beforeRetry: position + 1, random: random) == Nanoseconds(rawValue: expected))
        }
    }

    @Test func `without a maximum it is ten times the base, and never overflows`() {
        #expect(Backoff().maximum == .milliseconds(250))
        #expect(Backoff(base: .forever).maximum == .forever)
    }

    /// Random bits that stand for a number from 0 to 1.
    private static func bits(_ unit: Double) -> UInt64 {
        unit >= 1 ? .max : UInt64(unit * 0x1p64)
    }

    private static func differsByOneAtMost(_ wait: Nanoseconds, _ seconds: Double) -> Bool {
        abs(Double(wait.rawValue) - seconds * 1e9) <= 1
    }

    @Test(arguments: [(0.0, 0.75), (0.4, 0.95), (0.6, 1.05), (1, 1.25)])
    func `row 70: Polly's constant delay is spread by a quarter`(random: Double, expected: Double) {
        let backoff = Backoff.pollyConstant(.seconds(1), jitter: true)
        #expect(Self.differsByOneAtMost(backoff.wait(beforeRetry: 1, random: Self.bits(random)), expected))
        #expect(Backoff.pollyConstant(.seconds(1)).wait(beforeRetry: 9, random: 7) == .seconds(1))
    }

    @Test(arguments: [(0.0, 2.25), (0.4, 2.85), (0.5, 3), (0.6, 3.15), (1, 3.75)])
    func `row 71: Polly's linear delay grows by itself and is spread by a quarter`(random: Double, expected: Double) {
        // Polly counts attempts from 0.
        let wait = Backoff.pollyLinear(.seconds(1), jitter: true).wait(beforeRetry: 3, random: Self.bits(random))
        #expect(Self.differsByOneAtMost(wait, expected))
    }

    @Test func `row 72: Polly's exponential delay doubles`() {
        let backoff = Backoff.pollyExponential(.seconds(1))
        #expect((1...3).map { backoff.wait(beforeRetry: $0, random: 5) } == [.seconds(1), .seconds(2), .seconds(4)])
    }

    @Test(arguments: [false, true])
    func `row 73: Polly's exponential delay before attempt 1000 is the maximum`(jitter: Bool) {
        let capped = Backoff.pollyExponential(.seconds(1), jitter: jitter, maximum: .seconds(60))
        #expect(capped.wait(beforeRetry: 1001, random: 3) == .seconds(60))
        let free = Backoff.pollyExponential(.seconds(1), jitter: jitter)
        #expect(free.wait(beforeRetry: 1001, random: 3) == .forever)
    }

    @Test func `Polly's decorrelated delays have its medians and add up to its curve`() {
        let random = MeshRandom(seed: 4)
        var waits: [[Double]] = [[], [], []]
        for _ in 0..<2001 {
            var machine = BackoffStateMachine(.pollyExponential(.seconds(1), jitter: true))
            for retry in 0..<3 { waits[retry].append(machine.retryWanted(random: random.next()).seconds) }
        }
        for (retry, expected) in [0.9, 1.1, 2.04].enumerated() {
            let median = waits[retry].sorted()[1000]
            #expect(abs(median - expected) < 0.15 * expected, "\(median)")
        }
        // At t = 0, 1, 2 the curve is 0, 2·tanh 2, 4·tanh √8.
        var machine = BackoffStateMachine(.pollyExponential(.seconds(1), jitter: true))
        let steps = (0..<3).map { _ in machine.retryWanted(random: 0).seconds }
        #expect(steps[0] == 0)
        #expect(abs(steps[1] - 2 * 0.964_027_580_075_817 / 1.4) < 1e-8)
        #expect(abs(steps[2] - (4 * 0.993_037_345_405_9 - 2 * 0.964_027_580_075_817) / 1.4) < 1e-8)
    }

    @Test func `row 74: resilience4j's random interval is within its factor`() {
        let random = MeshRandom(seed: 2)
        let backoff = Backoff.resilience4jRandom(.milliseconds(500), factor: 0.5)
        let waits = (0..<10_000).map { _ in backoff.wait(beforeRetry: 1, random: random.next()) }
        #expect(waits.allSatisfy { $0 >= .milliseconds(250) && $0 < .milliseconds(750) })
        #expect(backoff.wait(beforeRetry: 1, random: 0) == .milliseconds(250))
        #expect(backoff.wait(beforeRetry: 1, random: .max) < .milliseconds(750))
        #expect((waits.min() ?? .zero) < .milliseconds(260) && (waits.max() ?? .zero) > .milliseconds(740))
    }

    @Test(arguments: [(1, 1.0), (2, 1.6), (3, 2.56), (4, 4.096), (5, 5), (1000, 5)])
    func `row 75: gRPC bounds the wait and then spreads it by a fifth`(attempt: Int, seconds: Double) {
        let backoff = Backoff.grpc(initial: .seconds(1), maximum: .seconds(5), multiplier: 1.6)
        #expect(Self.differsByOneAtMost(backoff.wait(beforeRetry: attempt, random: 0), seconds * 0.8))
        #expect(Self.differsByOneAtMost(backoff.wait(beforeRetry: attempt, random: .max), seconds * 1.2))
    }

    @Test(arguments: 1...20)
    func `row 76: Finagle's equal jitter keeps one half and spreads as much, up to its maximum`(retry: Int) {
        let backoff = Backoff.finagleEqualJittered(start: .seconds(5), maximum: .seconds(60))
        let half = min(5 * (1 << UInt64(retry - 1)), 60) as UInt64
        #expect(backoff.wait(beforeRetry: retry, random: 0) == .seconds(half))
        let longest = backoff.wait(beforeRetry: retry, random: .max)
        #expect(longest <= .seconds(60))
        #expect(Self.differsByOneAtMost(longest, Double(min(2 * half, 60))))
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `row 77: a decorrelated wait is from the start to three times the last one`(seed: UInt64) {
        let random = MeshRandom(seed: seed)
        for _ in 0..<1000 {
            let start = Nanoseconds(rawValue: random.below(1 << 40) + 1)
            let maximum = Nanoseconds(rawValue: start.rawValue + random.below(1 << 42))
            var machine = BackoffStateMachine(.decorrelated(start: start, maximum: maximum))
            var last = start
            for _ in 0..<100 {
                let wait = machine.retryWanted(random: random.next())
                #expect(wait >= start && wait <= min(maximum, Nanoseconds(rawValue: last.rawValue * 3)))
                last = wait
            }
        }
    }

    @Test func `the other named formulas are what their libraries compute`() {
        let aws = Backoff.aws()
        for (retry, bound) in [(1, 0.05), (2, 0.1), (9, 12.8), (10, 20), (1000, 20)] {
            #expect(aws.wait(beforeRetry: retry, random: 0) == .zero)
            #expect(Self.differsByOneAtMost(aws.wait(beforeRetry: retry, random: .max), bound))
        }
        // Finagle doubles before its first jittered wait.
        let finagle = Backoff.finagleExponentialJittered(start: .seconds(1), maximum: .seconds(5))
        #expect((1...3).map { finagle.wait(beforeRetry: $0, random: 1 << 63).seconds } == [1, 2, 2.5])
        let tower = Backoff.tower(base: .milliseconds(50), maximum: .seconds(1))
        #expect(tower.wait(beforeRetry: 2, random: 0) == .milliseconds(100))
        #expect(Self.differsByOneAtMost(tower.wait(beforeRetry: 2, random: .max), 0.199))
        let resilience4j = Backoff.resilience4jExponential()
        #expect(resilience4j.wait(beforeRetry: 3, random: 1 << 63) == .milliseconds(1125))
        let equal = Backoff(base: .seconds(4), growth: .constant, jitter: .equal)
        #expect(equal.wait(beforeRetry: 1, random: 0) == .seconds(2))
        #expect(equal.wait(beforeRetry: 1, random: .max) < .seconds(4))
        #expect(Backoff.none.wait(beforeRetry: 3, random: .max) == .zero)
    }

    private static let growths: [Backoff.Growth] = [
        .constant, .linear(step: .forever), .linear(step: .milliseconds(1)), .exponential(factor: 2),
        .exponential(factor: 1000), .exponential(factor: 1), .decorrelated, .smoothExponential,
    ]
    private static let jitters: [Backoff.Jitter] = [
        .none, .full, .equal, .proportional(1), .proportionalAboveMaximum(1), .additive(10), .remainder,
    ]

    @Test(arguments: [Int.min, -1, 0, 1, 63, 64, 65, 1000, .max])
    func `no retry number and no bound overflows`(retry: Int) {
        for base in [UInt64(0), 1, 25_000_000, 1 << 62, 1 << 63, .max] {
            for growth in Self.growths {
                for jitter in Self.jitters {
                    for random in [UInt64(0), 1 << 63, .max] {
                        let base = Nanoseconds(rawValue: base)
                        let free = Backoff(base: base, maximum: .forever, growth: growth, jitter: jitter)
                        #expect(free.wait(beforeRetry: retry, random: random) <= .forever)
                        let capped = Backoff(
                            base: min(base, .milliseconds(1)),
                            maximum: .milliseconds(1),
                            growth: growth,
                            jitter: jitter
                        )
                        let bound: Nanoseconds =
                            jitter == .proportionalAboveMaximum(1) ? .milliseconds(2) : .milliseconds(1)
                        #expect(capped.wait(beforeRetry: retry, random: random) <= bound)
                    }
                }
            }
        }
    }

    @Test func `in a random walk no wait leaves its bounds, and a restart begins again`() {
        let random = MeshRandom(seed: 9)
        var steps = 0
        while steps < 100_000 {
            let base = Nanoseconds(rawValue: random.next() >> random.below(64) | 1)
            let (sum, overflow) = base.rawValue.addingReportingOverflow(random.next() >> random.below(64))
            let backoff = Backoff(
                base: base,
                maximum: Nanoseconds(rawValue: overflow ? .max : sum),
                growth: Self.growths[Int(random.below(UInt64(Self.growths.count)))],
                jitter: [.none, .full, .equal, .proportional(0.5), .additive(1), .remainder][Int(random.below(6))]
            )
            var machine = BackoffStateMachine(backoff)
            for _ in 0..<50 {
                steps += 1
                if random.below(10) == 0 {
                    machine.restart()
                    #expect(machine == BackoffStateMachine(backoff))
                }
                #expect(machine.retryWanted(random: random.next()) <= backoff.maximum)
            }
        }
    }

    @Test func `bounds that are broken are refused, and named`() {
        let broken: [(Backoff, [String])] = [
            (Backoff(base: .zero, maximum: .zero), ["base"]),
            (Backoff(base: .seconds(2), maximum: .seconds(1)), ["maximum"]),
            (
                Backoff(base: .zero, growth: .exponential(factor: .nan), jitter: .proportional(-0.1)),
                ["base", "growth.factor", "jitter.ratio"]
            ),
            (Backoff(base: .seconds(1), growth: .exponential(factor: 0.5), jitter: .none), ["growth.factor"]),
            (Backoff(base: .seconds(1), growth: .exponential(factor: .infinity), jitter: .none), ["growth.factor"]),
            (Backoff(base: .seconds(1), growth: .constant, jitter: .additive(.infinity)), ["jitter.ratio"]),
            (Backoff(base: .seconds(1), growth: .constant, jitter: .proportionalAboveMaximum(.nan)), ["jitter.ratio"]),
        ]
        for (backoff, paths) in broken {
            let error = #expect(throws: ConfigurationError.self) { try backoff.validate() }
            #expect(error?.problems.map(\.path) == paths)
        }
        for sound in [Backoff.none, Backoff(), .aws(), .pollyExponential(jitter: true), .resilience4jRandom()] {
            #expect(throws: Never.self) { try sound.validate() }
        }
    }
}
