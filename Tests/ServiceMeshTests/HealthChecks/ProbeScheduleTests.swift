// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@testable import ServiceMesh

/// Whose turn it is to be asked.
@Suite struct ProbeScheduleTests {
    @Test func `who is due first is asked first, as far as there is room`() {
        var schedule = ProbeScheduleStateMachine(limit: 2)
        for id in 1...4 as ClosedRange<UInt64> { schedule.added(id) }
        for id in [3, 1, 3, 2] as [UInt64] { schedule.timeCame(id) }
        #expect([schedule.next(), schedule.next(), schedule.next()] == [3, 1, nil])
        schedule.timeCame(3)
        #expect(schedule.probeEnded(3) == true)
        #expect([schedule.next(), schedule.next()] == [2, nil])
        #expect(schedule.probeEnded(1) == true)
        #expect(schedule.next() == nil)
        schedule.timeCame(3)
        #expect(schedule.next() == 3)
    }

    @Test func `who is gone has no turn, and its probe takes room until it ends`() {
        var schedule = ProbeScheduleStateMachine(limit: 1)
        for id in 1...3 as ClosedRange<UInt64> {
            schedule.added(id)
            schedule.timeCame(id)
        }
        #expect(schedule.next() == 1)
        schedule.removed([1, 2])
        #expect(schedule.next() == nil)
        #expect(schedule.probeEnded(1) == false)
        #expect(schedule.next() == 3)
        schedule.timeCame(1)
        #expect(schedule.dueCount == 0)
    }

    @Test(arguments: [1, 2] as [UInt64])
    func `random events break no rule`(seed: UInt64) {
        let random = MeshRandom(seed: seed)
        var schedule = ProbeScheduleStateMachine(limit: 3)
        var last: UInt64 = 0
        var known: Set<UInt64> = []
        var due: [UInt64] = []
        var probing: Set<UInt64> = []
        func any(_ ids: Set<UInt64>) -> UInt64? {
            ids.isEmpty ? nil : ids.sorted()[Int(random.below(UInt64(ids.count)))]
        }
        for _ in 0..<20_000 {
            switch random.below(5) {
            case 0 where known.count < 40:
                last += 1
                known.insert(last)
                schedule.added(last)
            case 1:
                guard random.below(4) == 0, let id = any(known) else { continue }
                known.remove(id)
                due.removeAll { $0 == id }
                schedule.removed([id])
            case 2:
                guard let id = any(known) else { continue }
                if !due.contains(id), !probing.contains(id) { due.append(id) }
                schedule.timeCame(id)
            case 3:
                let id = schedule.next()
                #expect(id == (probing.count < 3 ? due.first : nil))
                if let id {
                    due.removeFirst()
                    probing.insert(id)
                }
            default:
                guard let id = any(probing) else { continue }
                probing.remove(id)
                #expect(schedule.probeEnded(id) == known.contains(id))
            }
            #expect(schedule.count == known.count && schedule.dueCount == due.count)
            #expect(schedule.probing == probing.count)
        }
    }
}
