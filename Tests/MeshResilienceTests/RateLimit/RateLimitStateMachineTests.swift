// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import Testing

@Suite struct RateLimitStateMachineTests {
    typealias Machine = RateLimitStateMachine
    typealias Configuration = RateLimitConfiguration

    private let start = MeshInstant(nanoseconds: 1_000_000_000)

    private func at(_ milliseconds: UInt64) -> MeshInstant { start.advanced(by: .milliseconds(milliseconds)) }

    /// The wait that a caller without a deadline is given; `nil` if it is refused.
    private func reserve(_ machine: inout Machine, _ permits: Int = 1, at now: MeshInstant) -> Nanoseconds? {
        switch machine.permitsWanted(permits, at: now, until: MeshInstant(nanoseconds: .max)) {
        case .granted: .zero
        case .reserved(let place): place.readyAt.elapsed(since: now)
        case .refused: nil
        }
    }

    private func reserve(_ machine: inout Machine, times: Int, at now: MeshInstant) -> Nanoseconds? {
        var last: Nanoseconds?
        for _ in 0..<times { last = reserve(&machine, at: now) }
        return last
    }

    @Test func `row 112: a cycle's permit is taken, the next one's promised, and a third wait is too long`() {
        let limit = Configuration(rate: 1, per: .milliseconds(250), maximumWait: .milliseconds(250))
        var machine = Machine(limit, at: start)
        let now = at(250)
        let latest = limit.maximumWait
        guard case .granted = machine.permitsWanted(at: now, until: now.advanced(by: latest)),
            case .reserved(let place) = machine.permitsWanted(at: now, until: now.advanced(by: latest))
        else {
            Issue.record("the first two calls have a turn")
            return
        }
        #expect(place.readyAt == at(500))
        #expect(machine.available(at: now) == -1)
        #expect(machine.wait(at: now) == .milliseconds(500))
        let third = machine.permitsWanted(at: now, until: now.advanced(by: latest))
        #expect(third == .refused(retryAfter: .milliseconds(500)))
        #expect(machine.available(at: now) == -1)
        #expect(machine.wait(at: now) == .milliseconds(500))
    }

    @Test func `row 113: permits of cycles that nobody used are gone`() {
        var machine = Machine(Configuration(rate: 1, per: .milliseconds(250)), at: start)
        let now = MeshInstant(nanoseconds: at(6 * 250).nanoseconds + 10)
        #expect(machine.available(at: now) == 1)
        #expect(machine.wait(at: now) == .zero)
        #expect(reserve(&machine, at: now) == .zero)
        #expect(machine.available(at: now) == 0)
    }

    @Test func `row 114: smooth, one in 500 ms, the seventh call at once waits 3 s`() {
        var machine = Machine(Configuration(rate: 1, per: .milliseconds(500), algorithm: .smooth), at: start)
        #expect(reserve(&machine, times: 7, at: start) == .milliseconds(3_000))
        #expect(reserve(&machine, 3, at: at(800)) == .milliseconds(3_700))
        #expect(reserve(&machine, at: at(2_300)) == .milliseconds(2_700))
        #expect(reserve(&machine, 3, at: at(3_500)) == .milliseconds(3_000))
        #expect(reserve(&machine, at: at(11_000)) == .zero)
    }

    @Test func `smooth keeps its spacing between any two calls, where failsafe's grid lets two come close`() {
        var machine = Machine(Configuration(rate: 1, per: .milliseconds(500), algorithm: .smooth), at: start)
        #expect(reserve(&machine, at: at(499)) == .zero)
        #expect(reserve(&machine, at: at(500)) == .milliseconds(499))
    }

    @Test func `row 115: bursty, two a second, the seventh call at once waits 3 s, and three more 3200 ms`() {
        var machine = Machine(Configuration(rate: 2, per: .seconds(1)), at: start)
        #expect(reserve(&machine, times: 7, at: start) == .milliseconds(3_000))
        #expect(machine.available(at: start) == -5)
        #expect(reserve(&machine, 3, at: at(800)) == .milliseconds(3_200))
        #expect(machine.available(at: at(800)) == -8)
        #expect(reserve(&machine, at: at(2_300)) == .milliseconds(2_700))
        #expect(reserve(&machine, times: 3, at: at(3_500)) == .milliseconds(2_500))
        #expect(machine.available(at: at(3_500)) == -6)
        #expect(reserve(&machine, at: at(7_000)) == .zero)
        #expect(machine.available(at: at(7_000)) == 1)
    }

    @Test func `row 116: bursty, five a second, ten permits at 1550 ms wait 450 ms`() {
        var machine = Machine(Configuration(rate: 5, per: .seconds(1)), at: start)
        #expect(reserve(&machine, 3, at: at(300)) == .zero)
        #expect(reserve(&machine, 10, at: at(1_550)) == .milliseconds(450))
        #expect(machine.available(at: at(1_550)) == -5)
        #expect(reserve(&machine, 2, at: at(2_210)) == .milliseconds(790))
    }

    @Test func `a long rest after a debt leaves one burst, where failsafe's bursty limiter adds up every period`() {
        var machine = Machine(Configuration(rate: 2, per: .seconds(1)), at: start)
        #expect(reserve(&machine, times: 3, at: start) == .seconds(1))
        #expect(machine.available(at: at(10_000)) == 2)
    }

    @Test func `smooth allows the burst, then spaces what follows`() {
        let limit = Configuration(rate: 60, per: .seconds(60), burst: 10, algorithm: .smooth)
        var machine = Machine(limit, at: start)
        #expect(reserve(&machine, times: 10, at: start) == .zero)
        #expect(machine.available(at: start) == 0)
        #expect(reserve(&machine, at: start) == .seconds(1))
        #expect(machine.available(at: start) == -1)
        #expect(machine.available(at: at(3_000)) == 2)
        #expect(machine.available(at: at(60_000)) == 10)
    }

    @Test func `a sliding window counts the part of the last interval that it still covers`() {
        var machine = Machine(Configuration(rate: 10, per: .seconds(10), algorithm: .slidingWindow), at: start)
        for _ in 0..<10 { #expect(machine.permitsWanted(at: at(5_000), until: at(5_000)).isGranted) }
        // Full until a tenth of the next interval is over and nine of the ten calls are still in the window.
        #expect(machine.permitsWanted(at: at(5_000), until: at(5_000)) == .refused(retryAfter: .milliseconds(6_000)))
        #expect(machine.permitsWanted(at: at(10_999), until: at(10_999)) == .refused(retryAfter: .milliseconds(1)))
        #expect(machine.permitsWanted(at: at(11_000), until: at(11_000)).isGranted)
        #expect(!machine.permitsWanted(at: at(11_000), until: at(11_000)).isGranted)
        #expect(machine.available(at: at(15_000)) == 4)
        // Nothing of an interval is left after the one that follows it.
        #expect(machine.available(at: at(30_000)) == 10)
    }

    @Test func `a sliding log is exact where two windows meet`() {
        let limit = Configuration(rate: 2, per: .seconds(1), algorithm: .slidingLog, maximumWait: .seconds(5))
        var machine = Machine(limit, at: start)
        #expect(reserve(&machine, times: 2, at: at(900)) == .zero)
        #expect(machine.permitsWanted(at: at(1_100), until: at(1_100)) == .refused(retryAfter: .milliseconds(800)))
        #expect(reserve(&machine, at: at(1_100)) == .milliseconds(800))
        #expect(reserve(&machine, at: at(1_100)) == .milliseconds(800))
        #expect(reserve(&machine, at: at(1_100)) == .milliseconds(1_800))
        #expect(reserve(&machine, 3, at: at(1_100)) == nil)
    }

    @Test(arguments: [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]])
    func `places that are ready at once are all undone, in whichever order they come back`(order: [Int]) {
        var machine = Machine(Configuration(rate: 3, per: .seconds(1), algorithm: .slidingLog), at: start)
        for _ in 0..<3 { #expect(reserve(&machine, at: at(0)) == .zero) }
        var places: [RateLimitPlace] = []
        for _ in 0..<3 {
            let answer = machine.permitsWanted(at: at(0), until: MeshInstant(nanoseconds: .max))
            if case .reserved(let place) = answer { places.append(place) }
        }
        #expect(places.map(\.readyAt) == [at(1_000), at(1_000), at(1_000)])
        for number in order { machine.placeGivenBack(places[number], at: at(0)) }
        #expect(machine.wait(at: at(0)) == .seconds(1))
        #expect(machine.available(at: at(1_000)) == 3)
    }

    @Test(arguments: [Configuration.Algorithm.tokenBucket, .smooth, .slidingLog])
    func `a last place given back is as if nobody had asked`(algorithm: Configuration.Algorithm) {
        let limit = Configuration(rate: 1, per: .seconds(1), algorithm: algorithm, maximumWait: .seconds(9))
        var machine = Machine(limit, at: start)
        #expect(reserve(&machine, at: start) == .zero)
        guard case .reserved(let place) = machine.permitsWanted(at: start, until: at(9_000)) else {
            Issue.record("the second call waits")
            return
        }
        machine.placeGivenBack(place, at: at(500))
        #expect(machine.wait(at: at(500)) == .milliseconds(500))
        #expect(reserve(&machine, at: at(1_200)) == .zero)
    }

    @Test(arguments: [Configuration.Algorithm.tokenBucket, .smooth, .slidingLog])
    func `a place in the middle goes to the next call, and those behind it keep theirs`(
        algorithm: Configuration.Algorithm
    ) {
        let limit = Configuration(rate: 1, per: .seconds(1), algorithm: algorithm, maximumWait: .seconds(9))
        var machine = Machine(limit, at: start)
        #expect(reserve(&machine, at: start) == .zero)
        guard case .reserved(let first) = machine.permitsWanted(at: start, until: at(9_000)),
            case .reserved(let second) = machine.permitsWanted(at: start, until: at(9_000)),
            case .reserved(let third) = machine.permitsWanted(at: start, until: at(9_000))
        else {
            Issue.record("three calls wait")
            return
        }
        #expect([first, second, third].map(\.readyAt) == [at(1_000), at(2_000), at(3_000)])
        machine.placeGivenBack(first, at: at(100))
        #expect(machine.permitsWanted(at: at(200), until: at(9_000)) == .reserved(first))
        machine.placeGivenBack(second, at: at(300))
        machine.placeGivenBack(first, at: at(300))
        machine.placeGivenBack(third, at: at(300))
        // Whatever the order, when all are back, all are back.
        #expect(reserve(&machine, at: at(1_000)) == .zero)
        #expect(machine.wait(at: at(1_000)) == .seconds(1))
    }

    @Test func `a place of a window that is over gives nothing to the next window`() {
        var machine = Machine(Configuration(rate: 2, per: .seconds(1)), at: start)
        guard case .granted(let place) = machine.permitsWanted(at: start, until: start) else {
            Issue.record("the first call has a turn")
            return
        }
        #expect(reserve(&machine, at: at(1_000)) == .zero)
        machine.placeGivenBack(place, at: at(1_500))
        #expect(machine.available(at: at(1_500)) == 1)
    }

    @Test(arguments: Configuration.Algorithm.allCases)
    func `extreme values neither overflow nor trap`(algorithm: Configuration.Algorithm) {
        let instants: [UInt64] = [0, 1, 5_184_000_000_000_000, .max - 1, .max, 0, .max]
        let limits = [
            Configuration(maximumTokens: .max, tokensPerFill: .max, fillInterval: .forever, algorithm: algorithm),
            Configuration(maximumTokens: .min, tokensPerFill: .min, fillInterval: .zero, algorithm: algorithm),
            Configuration(rate: 1, per: .forever, algorithm: algorithm, maximumWait: .forever),
            Configuration(rate: Int(UInt32.max), per: .milliseconds(1), algorithm: algorithm),
        ]
        var answers = 0
        for limit in limits {
            for begin in instants {
                var machine = Machine(limit, at: MeshInstant(nanoseconds: begin))
                for now in instants.map(MeshInstant.init(nanoseconds:)) {
                    for permits in [1, 2, Int.max, Int.min] where algorithm != .slidingLog || permits <= 2 {
                        let answer = machine.permitsWanted(permits, at: now, until: MeshInstant(nanoseconds: .max))
                        if case .reserved(let place) = answer { machine.placeGivenBack(place, at: now) }
                        _ = machine.available(at: now)
                        answers += 1
                    }
                }
            }
        }
        #expect(answers > 300)
    }

    @Test(arguments: Configuration.Algorithm.allCases)
    func `no walk exceeds the rate, whatever is reserved, given back and waited for`(
        algorithm: Configuration.Algorithm
    ) {
        let interval = Nanoseconds.milliseconds(100)
        let burst = algorithm == .smooth ? 3 : 5
        let limit = Configuration(
            rate: 5,
            per: interval,
            burst: burst,
            algorithm: algorithm,
            maximumWait: algorithm == .slidingWindow ? .zero : .milliseconds(300)
        )
        let random = MeshRandom(seed: 7)
        var machine = Machine(limit, at: start)
        var now = start
        var waiting: [RateLimitPlace] = []
        var went: [UInt64] = []
        var counts = (refused: 0, givenBack: 0, violations: 0)
        for _ in 0..<100_000 {
            now = now.advanced(by: Nanoseconds(rawValue: random.below(12_000_000)))
            // Who waited goes when its turn has come.
            went += waiting.filter { $0.readyAt <= now }.map(\.readyAt.nanoseconds)
            waiting.removeAll { $0.readyAt <= now }
            if !waiting.isEmpty, random.below(4) == 0 {
                let place = waiting.remove(at: Int(random.below(UInt64(waiting.count))))
                machine.placeGivenBack(place, at: now)
                counts.givenBack += 1
                continue
            }
            switch machine.permitsWanted(at: now, until: now.advanced(by: limit.maximumWait)) {
            case .granted: went.append(now.nanoseconds)
            case .reserved(let place):
                let isInTime = place.readyAt > now && place.readyAt <= now.advanced(by: limit.maximumWait)
                counts.violations += isInTime ? 0 : 1
                waiting.append(place)
            case .refused(let wait):
                counts.violations += wait > limit.maximumWait ? 0 : 1
                counts.refused += 1
            }
        }
        went.sort()
        #expect(counts.refused > 1_000 && (limit.maximumWait == .zero || counts.givenBack > 1_000))
        #expect(went.count > 10_000 && counts.violations == 0)
        #expect(Self.excess(of: went, start: start, limit) == 0)
    }

    /// In how many places a sorted list of calls breaks its limit.
    private static func excess(of went: [UInt64], start: MeshInstant, _ limit: Configuration) -> Int {
        let interval = limit.fillInterval.rawValue
        let rate = limit.tokensPerFill
        switch limit.algorithm {
        case .tokenBucket:
            var windows: [UInt64: Int] = [:]
            for call in went { windows[(call - start.nanoseconds) / interval, default: 0] += 1 }
            return windows.values.count { $0 > rate }
        case .smooth:
            let spacing = interval / UInt64(rate)
            // In any span, the burst and one more for each spacing.
            return went.indices.count { index in
                (limit.maximumTokens...8).contains { length in
                    index + length < went.count
                        && went[index + length] - went[index] < UInt64(length - limit.maximumTokens + 1) * spacing
                }
            }
        case .slidingLog:
            return went.indices.count { $0 + rate < went.count && went[$0 + rate] - went[$0] < interval }
        case .slidingWindow:
            return went.indices.count { $0 + 2 * rate < went.count && went[$0 + 2 * rate] - went[$0] < interval }
        }
    }
}

extension RateLimitStateMachine.Answer {
    fileprivate var isGranted: Bool {
        if case .granted = self { true } else { false }
    }
}
