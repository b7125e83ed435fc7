// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Testing

@Suite struct TimerWheelStateMachineTests {
    private typealias Machine = TimerWheelStateMachine<Int>

    private static func due(_ machine: inout Machine, at nanoseconds: UInt64) -> [Int] {
        var due: [Int] = []
        machine.timePassed(at: MeshInstant(nanoseconds: nanoseconds)) { due.append($0) }
        return due
    }

    @Test(
        arguments: [
            (0, 0, 1), (0, 1, 1), (0, 1_000_000, 1), (0, 1_000_001, 2), (5_500_000, 5_600_000, 6),
            (5_500_000, 2_000_000, 6), (0, 63_000_000, 63), (0, 64_000_000, 64), (0, 4_096_000_001, 4097),
            (999_999_999, 30_999_999_999, 31_000),
        ] as [(UInt64, UInt64, UInt64)]
    )
    func `a timer is due at the first whole millisecond that is not before its deadline`(
        armedAt: UInt64,
        deadline: UInt64,
        millisecond: UInt64
    ) {
        var machine = Machine(at: MeshInstant(nanoseconds: armedAt))
        _ = machine.timerArmed(7, until: MeshInstant(nanoseconds: deadline), at: MeshInstant(nanoseconds: armedAt))
        let due1 = Self.due(&machine, at: millisecond * 1_000_000 - 1)
        #expect(due1 == [])
        let due2 = Self.due(&machine, at: millisecond * 1_000_000)
        #expect(due2 == [7])
        #expect(machine.count == 0)
        #expect(machine.nextWake == nil)
    }

    @Test func `timers come in the order of their milliseconds`() {
        var machine = Machine(at: MeshInstant(nanoseconds: 0))
        let milliseconds: [UInt64] = [70_000, 3, 64, 4097, 65, 63, 262_145, 4096]
        for time in milliseconds {
            _ = machine.timerArmed(
                Int(time),
                until: MeshInstant(nanoseconds: time * 1_000_000),
                at: MeshInstant(nanoseconds: 0)
            )
        }
        let due3 = Self.due(&machine, at: 1_000_000_000_000)
        #expect(due3 == milliseconds.sorted().map { Int($0) })
    }

    @Test func `a cancelled timer is gone, and its ticket is worth nothing afterwards`() {
        var machine = Machine(at: MeshInstant(nanoseconds: 0))
        let now = MeshInstant(nanoseconds: 0)
        let first = machine.timerArmed(1, until: MeshInstant(nanoseconds: 5_000_000), at: now)
        let cancelled10 = machine.timerCancelled(first)
        #expect(cancelled10 == 1)
        let cancelled11 = machine.timerCancelled(first)
        #expect(cancelled11 == nil)
        let second = machine.timerArmed(2, until: MeshInstant(nanoseconds: 5_000_000), at: now)
        let cancelled12 = machine.timerCancelled(first)
        #expect(cancelled12 == nil, "the same place in the slab, but not the same timer")
        let due4 = Self.due(&machine, at: 5_000_000)
        #expect(due4 == [2])
        let cancelled13 = machine.timerCancelled(second)
        #expect(cancelled13 == nil)
    }

    @Test func `extreme instants neither overflow nor trap`() {
        var machine = Machine(at: MeshInstant(nanoseconds: 0))
        _ = machine.timerArmed(1, until: MeshInstant(nanoseconds: .max), at: MeshInstant(nanoseconds: 0))
        let due5 = Self.due(&machine, at: .max - 1_000_000)
        #expect(due5 == [])
        #expect(machine.count == 1)
        // The last millisecond begins before the last instant and its timer is due at the one after: never.
        let due6 = Self.due(&machine, at: .max)
        #expect(due6 == [])
        _ = machine.timerArmed(2, until: MeshInstant(nanoseconds: 0), at: MeshInstant(nanoseconds: .max))
        #expect(machine.nextWake != nil)
    }

    @Test func `a clock that goes back or stands still does nothing`() {
        var machine = Machine(at: MeshInstant(nanoseconds: 9_000_000))
        _ = machine.timerArmed(
            1,
            until: MeshInstant(nanoseconds: 12_000_000),
            at: MeshInstant(nanoseconds: 9_000_000)
        )
        let due7 = Self.due(&machine, at: 1_000_000)
        #expect(due7 == [])
        let due8 = Self.due(&machine, at: 9_000_000)
        #expect(due8 == [])
        let due9 = Self.due(&machine, at: 12_000_000)
        #expect(due9 == [1])
    }

    @Test func `a burst gives its slab back when the last timer is gone`() {
        var machine = Machine(at: MeshInstant(nanoseconds: 0))
        let now = MeshInstant(nanoseconds: 0)
        let tickets = (0..<10_000).map {
            machine.timerArmed($0, until: MeshInstant(nanoseconds: 30_000_000_000), at: now)
        }
        #expect(machine.slabSize == 10_000)
        let cancelled = tickets.filter { machine.timerCancelled($0) != nil }
        #expect(cancelled.count == 10_000)
        #expect(machine.slabSize == 0)
        _ = machine.timerArmed(1, until: now, at: now)
        let again = tickets.filter { machine.timerCancelled($0) != nil }
        #expect(again.isEmpty)
        #expect(machine.count == 1)
    }

    @Test func `a random walk agrees with a list that is searched`() {
        let random = MeshRandom(seed: 7)
        var now: UInt64 = 0
        var machine = Machine(at: MeshInstant(nanoseconds: now))
        var model: [Int: (tick: UInt64, ticket: TimerTicket)] = [:]
        var keys: [Int] = []
        var elapsed: UInt64 = 0
        for step in 0..<120_000 {
            switch random.below(8) {
            case 0...3 where model.count < 300:
                // Deadlines of every size: from the same millisecond to some decades.
                let distance = random.next() >> (random.below(60) + 4)
                let deadline = MeshInstant(nanoseconds: now).advanced(by: Nanoseconds(rawValue: distance))
                if model.isEmpty { elapsed = max(elapsed, now / 1_000_000) }
                let ticket = machine.timerArmed(step, until: deadline, at: MeshInstant(nanoseconds: now))
                let whole = deadline.nanoseconds / 1_000_000 + (deadline.nanoseconds % 1_000_000 == 0 ? 0 : 1)
                model[step] = (max(whole, elapsed + 1), ticket)
                keys.append(step)
            case 4, 5:
                guard !keys.isEmpty else { continue }
                let position = Int(random.below(UInt64(keys.count)))
                let key = keys.remove(at: position)
                let armed = model.removeValue(forKey: key)
                let cancelled = armed.flatMap { machine.timerCancelled($0.ticket) }
                guard cancelled == key else {
                    Issue.record("step \(step): cancelled \(cancelled ?? -1) instead of \(key)")
                    return
                }
            default:
                now &+= random.next() >> (random.below(24) + 26)
                let due = Self.due(&machine, at: now)
                elapsed = max(elapsed, now / 1_000_000)
                let expected = model.filter { $0.value.tick <= now / 1_000_000 }
                guard Set(due) == Set(expected.keys), due.count == expected.count else {
                    Issue.record("step \(step): due \(due) instead of \(expected.keys)")
                    return
                }
                let ticks = due.compactMap { expected[$0]?.tick }
                guard ticks == ticks.sorted() else {
                    Issue.record("step \(step): out of order")
                    return
                }
                for key in due { model[key] = nil }
                keys.removeAll { model[$0] == nil }
            }
            let first = model.values.map(\.tick).min()
            guard machine.count == model.count, (machine.nextWake == nil) == (first == nil) else {
                Issue.record("step \(step): \(machine.count) timers instead of \(model.count)")
                return
            }
            if let wake = machine.nextWake, let first {
                guard wake.nanoseconds / 1_000_000 <= first, wake.nanoseconds / 1_000_000 > elapsed else {
                    Issue.record("step \(step): wakes at \(wake), the first is due at \(first)")
                    return
                }
            }
        }
        #expect(machine.slabSize <= 300)
    }
}
