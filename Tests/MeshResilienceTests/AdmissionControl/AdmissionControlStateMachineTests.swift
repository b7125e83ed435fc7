// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import Testing

@Suite struct AdmissionControlStateMachineTests {
    typealias Configuration = AdmissionControlConfiguration
    typealias Machine = AdmissionControlStateMachine

    private let start = MeshInstant(nanoseconds: 1_000_000_000_000)

    private func at(_ milliseconds: UInt64) -> MeshInstant { start.advanced(by: .milliseconds(milliseconds)) }

    /// A source of randomness whose first number is almost zero: it refuses whatever may be refused.
    private var refusing: MeshRandom {
        let seed = (0...).first { MeshRandom(seed: $0).unitInterval() < 0.000_1 }
        return MeshRandom(seed: seed ?? 0)
    }

    private func machine(_ configuration: Configuration, calls: Int, successes: Int) -> Machine {
        var machine = Machine(configuration, at: start)
        for number in 0..<calls { machine.callEnded(number < successes ? .success : .failure, at: start) }
        return machine
    }

    @Test(arguments: [(100, 95, 0.0...0.0), (120, 90, 0.165...0.166), (200, 50, 0.70...0.75), (1_000, 10, 0.8...0.8)])
    func `row 126: failsafe's throttler over a minute, capped at 0.8`(
        calls: Int,
        successes: Int,
        expected: ClosedRange<Double>
    ) {
        var configuration = Configuration.failsafe
        configuration.maximumRefusal = 0.8
        #expect(expected.contains(machine(configuration, calls: calls, successes: successes).refusalShare(at: start)))
    }

    @Test func `row 127: Envoy's filter with 50 successes of 100 refuses 0.469, and never more than 0.8`() {
        let half = machine(.envoy, calls: 100, successes: 50).refusalShare(at: start)
        #expect(abs(half - 0.469) < 0.001)
        #expect(machine(.envoy, calls: 10_000, successes: 0).refusalShare(at: start) == 0.8)
    }

    @Test func `a higher aggression refuses more of the same failures`() {
        let settings = Configuration.SuccessRate(aggression: 2)
        let share = machine(Configuration(algorithm: .successRate(settings)), calls: 100, successes: 50)
            .refusalShare(at: start)
        #expect(abs(share - 0.685) < 0.001)
        // Above the threshold the root would be that of a negative number.
        let healthy = machine(Configuration(algorithm: .successRate(settings)), calls: 100, successes: 99)
        #expect(healthy.refusalShare(at: start) == 0)
    }

    @Test func `row 128: just above Finagle's threshold everything is sent, just below it calls are dropped`() {
        let settings = Configuration.Nack(window: .seconds(3), minimumRate: 0)
        let configuration = Configuration(algorithm: .nack(settings), maximumRefusal: 0.75, criteria: .nack)
        var machine = Machine(configuration, at: start)
        var now = start
        while machine.acceptedShare ?? 0 > 0.505 {
            now = now.advanced(by: .milliseconds(10))
            machine.callEnded(.failure, at: now)
        }
        #expect(machine.acceptedShare ?? 0 > 0.5)
        let isSent = machine.callWanted(at: now, using: refusing)
        #expect(isSent && machine.refusalShare(at: now) == 0)
        while machine.acceptedShare ?? 0 > 0.5 {
            now = now.advanced(by: .milliseconds(10))
            machine.callEnded(.failure, at: now)
        }
        #expect((0.000_1...0.01).contains(machine.refusalShare(at: now)))
        let isSentBelow = machine.callWanted(at: now, using: refusing)
        #expect(!isSentBelow)
    }

    @Test(arguments: [UInt64(3), 120])
    func `row 129: with nothing accepted about three quarters are dropped, and successes bring it back`(
        window: UInt64
    ) {
        let settings = Configuration.Nack(window: .seconds(window), minimumRate: 0)
        var machine = Machine(Configuration(algorithm: .nack(settings), maximumRefusal: 0.75), at: start)
        let random = MeshRandom(seed: 5)
        var now = start
        func dropped(of calls: Int, then outcome: Outcome) -> Int {
            (0..<calls).count { _ in
                now = now.advanced(by: .seconds(1))
                guard machine.callWanted(at: now, using: random) else { return true }
                machine.callEnded(outcome, at: now)
                return false
            }
        }
        while machine.acceptedShare ?? 1 > 1e-9 { _ = dropped(of: 1, then: .failure) }
        #expect((650...850).contains(dropped(of: 1_000, then: .failure)))
        _ = dropped(of: 1_000, then: .success)
        #expect(machine.acceptedShare ?? 0 > 0.9)
        #expect(dropped(of: 100, then: .success) == 0)
    }

    @Test func `with few calls a second the nack average only rises`() {
        var machine = Machine(.finagle, at: start)
        let random = refusing
        var refused = 0
        for second in 1...1_000 {
            let now = at(UInt64(second) * 1_000)
            if !machine.callWanted(at: now, using: random) { refused += 1 }
            machine.callEnded(.failure, at: now)
        }
        #expect(refused == 0)
        #expect(machine.acceptedShare == 1)
        // Five a second are enough.
        for step in 0..<50 {
            let now = at(1_001_000 + UInt64(step) * 200)
            _ = machine.callWanted(at: now, using: refusing)
            machine.callEnded(.failure, at: now)
        }
        #expect(machine.acceptedShare ?? 1 < 0.95)
    }

    @Test func `Envoy's rate threshold refuses nobody while there is little traffic`() {
        let settings = Configuration.SuccessRate(minimumRate: 10)
        var machine = Machine(Configuration(algorithm: .successRate(settings)), at: start)
        for second in 0..<5 {
            for _ in 0..<9 { machine.callEnded(.failure, at: at(UInt64(second) * 1_000)) }
        }
        #expect(machine.refusalShare(at: at(5_000)) == 0)
        for _ in 0..<10 { machine.callEnded(.failure, at: at(5_000)) }
        #expect(machine.refusalShare(at: at(5_000)) == 0.8)
        // The average is taken since the oldest call, so that silence lowers it.
        #expect(machine.refusalShare(at: at(8_000)) == 0)
    }

    @Test func `the window forgets second by second`() {
        var machine = Machine(.envoy, at: start)
        for _ in 0..<100 { machine.callEnded(.failure, at: start) }
        for _ in 0..<100 { machine.callEnded(.success, at: at(10_000)) }
        #expect(machine.refusalShare(at: at(29_999)) > 0.4)
        #expect(machine.refusalShare(at: at(30_000)) == 0)
        #expect(machine.refusalShare(at: at(86_400_000)) == 0)
    }

    @Test func `Google's throttling lets K times what is accepted be asked for, and counts what it refuses`() {
        // The peer accepts 100 a second of 400 that are wanted: the client sends about 200.
        var machine = Machine(.googleSRE, at: start)
        let random = MeshRandom(seed: 2)
        var sent = 0
        for second in 0..<600 {
            var accepted = 0
            for number in 0..<400 {
                let now = at(UInt64(second) * 1_000 + UInt64(number) * 2)
                guard machine.callWanted(at: now, using: random) else {
                    machine.callRefused(at: now)
                    continue
                }
                if second >= 300 { sent += 1 }
                accepted += 1
                machine.callEnded(accepted <= 100 ? .success : .failure, at: now)
            }
        }
        #expect((180...220).contains(sent / 300))
        // A dry run confirms no refusal: the share follows from what was sent alone.
        var dry = Machine(.googleSRE, at: start)
        for _ in 0..<10 { dry.callEnded(.failure, at: start) }
        let share = dry.refusalShare(at: start)
        _ = dry.callWanted(at: start, using: refusing)
        #expect(dry.refusalShare(at: start) == share)
    }

    @Test func `a call that was given up counts for nothing`() {
        for configuration in [Configuration.envoy, .finagle, .failsafe, .googleSRE] {
            var machine = Machine(configuration, at: start)
            for _ in 0..<100 { _ = machine.callWanted(at: start, using: refusing) }
            for _ in 0..<100 { machine.callEnded(.ignored, at: start) }
            #expect(machine.refusalShare(at: at(1)) == 0)
        }
    }

    @Test(arguments: [Configuration.envoy, .finagle, .failsafe, .googleSRE])
    func `no walk makes the share leave its bounds, whatever the clock does`(configuration: Configuration) {
        var machine = Machine(configuration, at: MeshInstant(nanoseconds: 0))
        let random = MeshRandom(seed: 13)
        var now = MeshInstant(nanoseconds: 0)
        var counts = (admitted: 0, refused: 0, violations: 0)
        var failing = 50
        for step in 0..<100_000 {
            switch random.below(20_000) {
            case 0: now = now.advanced(by: .seconds(5_184_000))
            case 1..<6: failing = Int(random.below(101))
            case 6..<5_000: break
            default: now = now.advanced(by: Nanoseconds(rawValue: random.below(100_000_000)))
            }
            // Readers of the clock may come late.
            let late = MeshInstant(nanoseconds: now.nanoseconds - min(random.below(1_000_000), now.nanoseconds))
            if machine.callWanted(at: late, using: random) {
                counts.admitted += 1
                let outcome: Outcome = random.below(100) < UInt64(failing) ? .failure : .success
                machine.callEnded(random.below(20) == 0 ? .ignored : outcome, at: late)
            } else {
                counts.refused += 1
                machine.callRefused(at: late)
            }
            guard step % 10 == 0 else { continue }
            let share = machine.refusalShare(at: now)
            let isShare = share >= 0 && share <= configuration.maximumRefusal
            if !isShare || !(0...1).contains(machine.acceptedShare ?? 1) { counts.violations += 1 }
        }
        #expect(counts.violations == 0 && counts.admitted > 10_000 && counts.refused > 1_000)
        for instant in [UInt64.max, 0, .max - 1].map(MeshInstant.init(nanoseconds:)) {
            _ = machine.callWanted(at: instant, using: random)
            machine.callEnded(.failure, at: instant)
            #expect((0...1).contains(machine.refusalShare(at: instant)))
        }
    }

    @Test func `exponential, logarithm and powers are exact to about the last bit`() {
        #expect(ElementaryFunctions.exp(0) == 1 && ElementaryFunctions.exp(-1_000) == 0)
        #expect(abs(ElementaryFunctions.exp(1) / 2.718_281_828_459_045 - 1) < 1e-15)
        #expect(abs(ElementaryFunctions.exp(-20) / 2.061_153_622_438_557_8e-9 - 1) < 1e-14)
        #expect(abs(ElementaryFunctions.log(10) - 2.302_585_092_994_045_7) < 1e-15)
        #expect(ElementaryFunctions.log(1) == 0 && ElementaryFunctions.log(0) == -.infinity)
        for value in [1e-300, 1e-5, 0.3, 0.999, 7, 1e200] {
            #expect(abs(ElementaryFunctions.exp(ElementaryFunctions.log(value)) / value - 1) < 1e-12)
        }
        for value in [0.0, 1e-9, 0.25, 0.5, 0.99, 1] {
            #expect(abs(ElementaryFunctions.power(value, 0.5) - value.squareRoot()) < 1e-15)
        }
    }
}
