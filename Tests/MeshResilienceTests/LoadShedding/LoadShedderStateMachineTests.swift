// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import Testing

@Suite struct LoadShedderStateMachineTests {
    private typealias Call = LoadShedderStateMachine.Call

    private let start = MeshInstant(nanoseconds: 1_000_000_000)
    private let random = MeshRandom(seed: 5)

    private func chance() -> Int { Int(random.below(100)) }

    /// Lets so many requests in, whatever the load.
    private func fill(_ machine: inout LoadShedderStateMachine, _ count: Int) {
        for _ in 0..<count {
            #expect(
                machine.callWanted(Call(.critical, chance: chance()), load: nil, signal: 0, at: start) == .admitted
            )
        }
    }

    @Test(arguments: [
        (30, Criticality.sheddable, LoadShedderStateMachine.Answer.admitted), (35, .critical, .admitted),
        (35, .sheddable, .refused(.priority)), (40, .criticalPlus, .refused(.limit)),
    ])
    func `refusals begin with a queue of twice the capacity, lowest first, and are complete at three times`(
        inFlight: Int,
        criticality: Criticality,
        expected: LoadShedderStateMachine.Answer
    ) {
        var machine = LoadShedderStateMachine(LoadShedderConfiguration(capacity: 10, queueFrom: 2, queueTo: 3))
        machine.capacityChanged(to: nil)
        for number in 0..<inFlight {
            let criticality = Criticality.allCases[number % 4]
            _ = machine.callWanted(Call(criticality, chance: chance()), load: nil, signal: 0, at: start)
        }
        machine.capacityChanged(to: 10)
        let share = inFlight <= 30 ? 0.0 : inFlight >= 40 ? 1.0 : 0.5
        #expect(machine.refusalShare(signal: 0, at: start) == share)
        #expect(machine.callWanted(Call(criticality, chance: 99), load: nil, signal: 0, at: start) == expected)
        #expect(machine.inFlight == (expected == .admitted ? inFlight + 1 : inFlight))
    }

    @Test func `the share that a signal wants is refused, of one class as of many`() {
        for classes in [[Criticality.critical], Criticality.allCases] {
            var machine = LoadShedderStateMachine(LoadShedderConfiguration())
            var refused: [Criticality: Int] = [:]
            for number in 0..<20_000 {
                let criticality = classes[number % classes.count]
                let answer = machine.callWanted(Call(criticality, chance: chance()), load: nil, signal: 0.3, at: start)
                if answer == .refused(.priority) { refused[criticality, default: 0] += 1 }
            }
            #expect((5_400...6_600).contains(refused.values.reduce(0, +)))
            if classes.count == 4 {
                #expect(refused[.critical] == nil && refused[.criticalPlus] == nil)
                #expect(refused[.sheddable] ?? 0 > 4_800)
            }
        }
    }

    @Test func `who asks for most is refused first, and who asks for little hardly ever`() {
        var machine = LoadShedderStateMachine(LoadShedderConfiguration())
        var (heavyRefused, lightRefused) = (0, 0)
        for number in 0..<20_000 {
            let isHeavy = number % 10 != 0
            // 100 light users make a tenth of the requests.
            let user = isHeavy ? 1 : UInt64(number / 10 % 100) &* 0x9E37_79B9_7F4A_7C15
            let call = Call(.critical, user: user, chance: chance())
            guard machine.callWanted(call, load: nil, signal: 0.3, at: start) != .admitted else { continue }
            if isHeavy { heavyRefused += 1 } else { lightRefused += 1 }
        }
        #expect(heavyRefused > 5_000 && lightRefused < 40)
    }

    /// 50 requests of 50 ms each in half a second: 100 a second, and 5 under way where none waits.
    private func served(_ machine: inout LoadShedderStateMachine) {
        for number in 0..<50 {
            fill(&machine, 1)
            let latency = Nanoseconds.milliseconds(number == 7 ? 50 : 80)
            machine.callEnded(latency: latency, at: start.advanced(by: .milliseconds(9 * UInt64(number))))
        }
    }

    @Test(arguments: [(6, 9.0, true), (5, 9.0, false), (6, 3.0, false), (1, 9.0, false)])
    func `row 130: under high load no more is under way than throughput and latency explain (Sentinel's BBR rule)`(
        inFlight: Int,
        load: Double,
        isRefused: Bool
    ) {
        var machine = LoadShedderStateMachine(LoadShedderConfiguration(loadTrigger: 4))
        served(&machine)
        fill(&machine, inFlight)
        let answer = machine.callWanted(Call(.critical, chance: 50), load: load, signal: 0, at: start)
        #expect(answer == (isRefused ? .refused(.latency) : .admitted))
        let spared = machine.callWanted(Call(.criticalPlus, chance: 50), load: load, signal: 0, at: start)
        #expect(spared == .admitted, "up to twice the bound what must not fail passes")
    }

    @Test func `beside one request another always may be under way, however little was served`() {
        var machine = LoadShedderStateMachine(LoadShedderConfiguration(loadTrigger: 4))
        fill(&machine, 1)
        machine.callEnded(latency: .milliseconds(1), at: start)
        func wanted() -> LoadShedderStateMachine.Answer {
            machine.callWanted(Call(.critical, chance: 50), load: 9, signal: 0, at: start)
        }
        #expect(wanted() == .admitted)
        #expect(wanted() == .admitted)
        #expect(wanted() == .refused(.latency))
    }

    @Test func `the best throughput is forgotten after its window`() {
        var machine = LoadShedderStateMachine(LoadShedderConfiguration(loadTrigger: 4))
        served(&machine)
        fill(&machine, 6)
        let later = start.advanced(by: .seconds(11))
        #expect(machine.callWanted(Call(.critical, chance: 50), load: 9, signal: 0, at: later) == .admitted)
    }

    @Test func `a delay that nobody escapes for an interval leads to refusals, a burst does not`() {
        let configuration = LoadShedderConfiguration(
            delayFrom: .milliseconds(20),
            delayTo: .milliseconds(100),
            delayInterval: .milliseconds(100)
        )
        var machine = LoadShedderStateMachine(configuration)
        func after(_ milliseconds: UInt64) -> MeshInstant { start.advanced(by: .milliseconds(milliseconds)) }
        machine.waited(.milliseconds(80), at: after(0))
        machine.waited(.milliseconds(60), at: after(50))
        #expect(machine.refusalShare(signal: 0, at: after(99)) == 0, "the interval is not over")
        #expect(machine.refusalShare(signal: 0, at: after(100)) == 0.5)
        machine.waited(.milliseconds(90), at: after(110))
        machine.waited(.zero, at: after(120))
        #expect(machine.refusalShare(signal: 0, at: after(200)) == 0, "somebody did not wait")
        machine.waited(.milliseconds(500), at: after(250))
        #expect(machine.refusalShare(signal: 0, at: after(300)) == 1)
        #expect(machine.refusalShare(signal: 0, at: after(5_000)) == 0, "nobody has waited for long")
    }

    @Test func `extremes neither overflow nor trap`() {
        let configuration = LoadShedderConfiguration(
            capacity: .max,
            queueFrom: .greatestFiniteMagnitude,
            queueTo: .greatestFiniteMagnitude,
            delayFrom: .forever,
            delayTo: .forever,
            delayInterval: .forever,
            loadTrigger: .leastNonzeroMagnitude,
            loadWindow: .forever,
            memory: .forever
        )
        var machine = LoadShedderStateMachine(configuration)
        let instants = [0, .max, 1, .max / 2].map { MeshInstant(nanoseconds: $0) }
        for now in instants {
            machine.waited(.forever, at: now)
            _ = machine.callWanted(Call(.critical, user: .max, chance: .max), load: .infinity, signal: .nan, at: now)
            machine.callEnded(latency: .forever, at: now)
            machine.callEnded(latency: .zero, at: now)
        }
        #expect(machine.inFlight == 0)
        machine.capacityChanged(to: .min)
        #expect(machine.capacity == 1)
        #expect((0...1).contains(machine.refusalShare(signal: .infinity, at: MeshInstant(nanoseconds: 0))))
    }

    @Test(arguments: [UInt64(1), 2, 3])
    func `over 100 000 random steps the count is exact and nobody is refused before a less important one`(seed: UInt64)
    {
        let random = MeshRandom(seed: seed)
        var machine = LoadShedderStateMachine(
            LoadShedderConfiguration(capacity: 5, delayFrom: .milliseconds(5), loadTrigger: 1, memory: .seconds(1))
        )
        var now = start
        var inside = 0
        var (isSound, refusals) = (true, 0)
        for step in 0..<100_000 {
            now = now.advanced(by: Nanoseconds(rawValue: random.below(3_000_000)))
            switch random.below(8) {
            case 0...3:
                let criticality = Criticality.allCases[Int(random.below(4))]
                let call = Call(
                    criticality,
                    user: random.below(2) == 0 ? random.next() : nil,
                    chance: Int(random.below(100))
                )
                let load = Double(random.below(3))
                let signal = random.below(4) == 0 ? random.unitInterval() : 0
                let before = machine
                switch machine.callWanted(call, load: load, signal: signal, at: now) {
                case .admitted: inside += 1
                case .refused:
                    refusals += 1
                    guard step % 16 == 0, call.user == nil, criticality > .sheddable else { continue }
                    var other = before
                    let lower = Criticality.allCases[Int(criticality.rawValue) - 1]
                    let answer = other.callWanted(Call(lower, chance: call.chance), load: load, signal: signal, at: now)
                    isSound = isSound && answer != .admitted
                }
            case 4...6 where inside > 0:
                inside -= 1
                machine.callEnded(latency: random.below(3) == 0 ? nil : .milliseconds(random.below(90)), at: now)
            default: machine.waited(.milliseconds(random.below(40)), at: now)
            }
            isSound =
                isSound && machine.inFlight == inside
                && (0...1).contains(machine.refusalShare(signal: 0, at: now))
        }
        #expect(isSound && refusals > 1_000)
    }
}
