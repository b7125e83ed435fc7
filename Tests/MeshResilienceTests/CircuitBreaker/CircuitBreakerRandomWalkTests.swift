// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import Testing

@Suite struct CircuitBreakerRandomWalkTests {
    typealias State = CircuitBreakerStateMachine.State

    /// A walk's breaker, and what is known of it from outside.
    struct Walk {
        var bench: BreakerBench
        let configuration: CircuitBreakerConfiguration
        let random: MeshRandom
        var out: [(permit: UInt64, state: State)] = []
        /// The results that a window of calls must hold.
        var recent: [Character] = []
        var visited: Set<String> = []
        var refusals = 0

        /// One event, by chance; `nil` if all is well.
        mutating func step() -> String? {
            let jump = random.below(1_000) == 0 ? random.below(60 * 86_400_000) : random.below(40)
            bench.wait(.milliseconds(jump))
            let before = bench.machine.state
            let generation = bench.machine.generation
            var problem: String?
            var isForcing = false
            switch random.below(out.count < 12 ? 100 : 55) {
            case 0..<50: if !out.isEmpty { problem = end() }
            case 50..<97: problem = ask(before)
            default: isForcing = operate()
            }
            // Forcing begins a generation, and leaves the window as it is.
            if bench.machine.generation != generation, !isForcing { recent = [] }
            return problem ?? checkInvariants(before, generation)
        }

        private mutating func ask(_ before: State) -> String? {
            switch bench.ask() {
            case .admitted(let permit):
                if case .open(let until) = before, bench.now < until { return "admitted while open" }
                if before == .forcedOpen { return "admitted while forced open" }
                out.append((permit, bench.machine.state))
            case .refused(let wait):
                if before == .closed || before == .forcedClosed { return "refused while \(before)" }
                refusals += 1
                if wait != .forever, wait > configuration.maximumOpenDuration { return "sent away for \(wait)" }
            }
            return nil
        }

        private mutating func end() -> String? {
            let call = out.remove(at: Int(random.below(UInt64(out.count))))
            let letter = Array("SSSFFIO")[Int(random.below(7))]
            let (state, isCurrent) = (bench.machine.state, call.permit == bench.machine.generation)
            bench.end(letter, call.permit, taking: .milliseconds(random.below(20)))
            if isCurrent, state == .closed || state == .forcedClosed, letter != "I" { recent.append(letter) }
            if !isCurrent, state != bench.machine.state, state != .halfOpen { return "a late result changed \(state)" }
            if letter == "I", state == .closed, bench.machine.state != .closed { return "an ignored call opened it" }
            if letter == "I", state != .closed, bench.machine.state == .closed,
                bench.machine.cause != .probesTimedOut
            {
                return "an ignored call closed it"
            }
            return nil
        }

        /// - Returns: Whether it forced the breaker.
        private mutating func operate() -> Bool {
            let choice = random.below(12)
            switch choice {
            case 0: bench.machine.openingWanted(for: .milliseconds(50), at: bench.now, using: bench.random)
            case 1: bench.machine.closingWanted(at: bench.now)
            case 2: _ = bench.machine.probingWanted(at: bench.now)
            case 3: bench.machine.reset(at: bench.now)
            case 4: bench.machine.forcingChanged(to: .open, at: bench.now)
            case 5: bench.machine.forcingChanged(to: [.closed], at: bench.now)
            default: bench.machine.forcingChanged(to: [], at: bench.now)
            }
            return choice >= 4
        }

        private mutating func checkInvariants(_ before: State, _ generation: UInt64) -> String? {
            let (metrics, state) = (bench.metrics, bench.machine.state)
            visited.insert("\(state)".prefix(6).description)
            if metrics.failures > metrics.calls || metrics.slowCalls > metrics.calls { return "more bad than calls" }
            if metrics.calls < 0 || metrics.failures < 0 || metrics.slowCalls < 0 { return "counts below zero" }
            if metrics.probesOut > configuration.probes { return "\(metrics.probesOut) probes out" }
            if state == .halfOpen {
                let known = out.count { $0.permit == bench.machine.generation && $0.state == .halfOpen }
                if known != metrics.probesOut { return "\(known) permits are out and it counts \(metrics.probesOut)" }
            }
            if state == .closed, metrics.openings != 0 { return "closed with \(metrics.openings) openings" }
            if bench.machine.generation < generation { return "a generation went back" }
            if bench.machine.generation == generation, state != before {
                // The one change without a new generation: an operator gives an open breaker another time.
                guard case .open = state, case .open = before else { return "\(before) became \(state) unnoticed" }
            }
            guard let calls = configuration.callWindow, state == .closed else { return nil }
            let window = recent.suffix(calls)
            if metrics.calls != window.count { return "\(metrics.calls) calls in a window of \(window.count)" }
            if metrics.failures != window.count(where: { "FO".contains($0) }) { return "wrong failures" }
            return nil
        }
    }

    static let configurations: [CircuitBreakerConfiguration] = [
        CircuitBreakerConfiguration(
            failureRate: 0.6,
            minimumCalls: 6,
            window: .seconds(1),
            openDuration: .milliseconds(300),
            probes: 3
        ),
        CircuitBreakerConfiguration(
            minimumCalls: 8,
            openDuration: .milliseconds(100),
            probes: 4,
            callWindow: 9,
            slowCallRate: 0.9,
            slowCallDuration: .milliseconds(15),
            opensOnAnyCall: true,
            openGrowth: .exponential(2),
            openJitter: .additive(0.5),
            maximumOpenDuration: .seconds(2),
            recovery: .rates,
            halfOpenLimit: .milliseconds(400),
            countsWhileOpen: .live
        ),
        CircuitBreakerConfiguration(
            failureRate: nil,
            window: .forever,
            openDuration: .milliseconds(70),
            probes: 2,
            consecutiveFailures: 3,
            minimumSuccessRate: 0.3,
            averageSuccessRate: 0.2,
            averageSpan: 10,
            openJitter: .equal,
            recovery: .successes(4),
            probeInterval: .milliseconds(30),
            probeTimeout: .milliseconds(200),
            halfOpenLimit: .seconds(1),
            closesAfterHalfOpenLimit: true,
            reopensOnIgnoredProbe: true,
            isHalfOpenAutomatic: true,
            countsWhileOpen: .cleared
        ),
    ]

    @Test(arguments: [(0, 11), (1, 12), (2, 13)] as [(Int, UInt64)])
    func `a random walk of 100 000 steps breaks no invariant and sees every state`(which: Int, seed: UInt64) throws {
        let configuration = Self.configurations[which]
        try configuration.validate()
        var walk = Walk(
            bench: BreakerBench(configuration, seed: seed),
            configuration: configuration,
            random: MeshRandom(seed: seed)
        )
        for number in 0..<100_000 {
            guard let problem = walk.step() else { continue }
            Issue.record("step \(number): \(problem)")
            return
        }
        #expect(walk.visited == ["closed", "open(u", "halfOp", "forced"])
        #expect(walk.refusals > 1_000)
    }

    @Test(arguments: [1, 7, 10, 100])
    func `a time window holds what its length allows, no less than one bucket short of it`(buckets: Int) {
        let length: UInt64 = 1_000_000_000
        let configuration = CircuitBreakerConfiguration(
            failureRate: nil,
            window: Nanoseconds(rawValue: length),
            buckets: buckets,
            consecutiveFailures: 1_000_000
        )
        let random = MeshRandom(seed: 5)
        var bench = BreakerBench(configuration)
        var times: [UInt64] = []
        let width = length / UInt64(buckets)
        for _ in 0..<20_000 {
            bench.wait(
                Nanoseconds(rawValue: random.below(40) == 0 ? random.below(2 * length) : random.below(length / 50))
            )
            bench.play("S")
            times.append(bench.now.nanoseconds)
            bench.wait(Nanoseconds(rawValue: random.below(length / 20)))
            let now = bench.now.nanoseconds
            times.removeAll { now - $0 > length }
            let certain = times.count { now - $0 < length - width }
            #expect((certain...times.count).contains(bench.metrics.calls))
        }
    }
}
