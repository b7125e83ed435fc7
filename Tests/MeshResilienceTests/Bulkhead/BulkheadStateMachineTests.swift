// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import Testing

@Suite struct BulkheadStateMachineTests {
    private let start = MeshInstant(nanoseconds: 1_000_000_000)

    private func after(_ milliseconds: UInt64) -> MeshInstant {
        start.advanced(by: .milliseconds(milliseconds))
    }

    private func waiter(
        _ machine: inout BulkheadStateMachine,
        at now: MeshInstant,
        deadline: Deadline = .never
    ) throws -> BulkheadStateMachine.WaiterID {
        guard case .queued(let id, _, _) = machine.callWanted(at: now, deadline: deadline) else {
            throw MeshError(.invalidRequest, origin: .local, message: "the call did not wait")
        }
        return id
    }

    @Test func `places are given out up to the limit, then calls wait, then they are refused`() throws {
        var machine = BulkheadStateMachine(BulkheadConfiguration(maximumConcurrent: 2, maximumQueued: 1))
        #expect(machine.callWanted(at: start) == .admitted)
        #expect(machine.placeWanted() == true)
        let isThird = machine.placeWanted()
        #expect(!isThird)
        let first = try waiter(&machine, at: start)
        #expect(machine.callWanted(at: start) == .refused(.queueFull))
        #expect(machine.placeReturned() == true)
        let isOvertaken = machine.placeWanted()
        #expect(!isOvertaken, "a newcomer does not overtake the queue")
        #expect(machine.nextSettlement(at: start) == .admitted(first))
        #expect(machine.nextSettlement(at: start) == nil)
        #expect(machine.inFlight == 2 && machine.queued == 0)
    }

    @Test func `without a queue nobody waits`() {
        var machine = BulkheadStateMachine(BulkheadConfiguration(maximumConcurrent: 1))
        #expect(machine.placeWanted() == true)
        #expect(machine.callWanted(at: start) == .refused(.limit))
    }

    @Test(arguments: [
        (BulkheadConfiguration.Order.fifo, [0, 1, 2, 3, 4]), (.lifo, [4, 3, 2, 1, 0]),
        (.controlledDelay, [0, 1, 2, 3, 4]),
    ])
    func `each order serves five waiters in its own way`(order: BulkheadConfiguration.Order, served: [Int]) throws {
        var machine = BulkheadStateMachine(
            BulkheadConfiguration(maximumConcurrent: 1, maximumQueued: 100, order: order)
        )
        #expect(machine.placeWanted() == true)
        let ids = try (0..<5).map { _ in try waiter(&machine, at: start) }
        for expected in served {
            #expect(machine.placeReturned() == true)
            #expect(machine.nextSettlement(at: start) == .admitted(ids[expected]))
        }
        let isWaitedFor = machine.placeReturned()
        #expect(!isWaitedFor && machine.inFlight == 0)
    }

    @Test func `under a standing queue controlled delay serves the newest and drops who waited past the target`() throws
    {
        var machine = BulkheadStateMachine(
            BulkheadConfiguration(maximumConcurrent: 1, maximumQueued: 10, order: .controlledDelay)
        )
        #expect(machine.placeWanted() == true)
        guard case .queued(let old, let until, nil) = machine.callWanted(at: start) else {
            Issue.record("the first call did not wait")
            return
        }
        #expect(until == after(100), "before the queue stands, a call may wait for an interval")
        // A second keeps the queue from emptying.
        let middle = try waiter(&machine, at: after(99))
        guard case .queued(let new, let newUntil, nil) = machine.callWanted(at: after(100)) else {
            Issue.record("the third call did not wait")
            return
        }
        #expect(newUntil == after(105), "once it stands, a call may wait for the target only")
        _ = machine.placeReturned()
        #expect(machine.nextSettlement(at: after(101)) == .admitted(new))
        #expect(machine.nextSettlement(at: after(101)) == .refused(old, .waitTooLong))
        #expect(machine.nextSettlement(at: after(101)) == nil, "the middle one has waited for 2 ms only")
        _ = machine.placeReturned()
        #expect(machine.nextSettlement(at: after(102)) == .admitted(middle))
    }

    @Test func `a full standing queue gives its oldest place to the newcomer`() throws {
        var machine = BulkheadStateMachine(
            BulkheadConfiguration(maximumConcurrent: 1, maximumQueued: 2, order: .controlledDelay)
        )
        #expect(machine.placeWanted() == true)
        let oldest = try waiter(&machine, at: start)
        _ = try waiter(&machine, at: after(50))
        #expect(machine.callWanted(at: after(99)) == .refused(.queueFull))
        guard case .queued(_, _, let displaced) = machine.callWanted(at: after(100)) else {
            Issue.record("the newcomer did not wait")
            return
        }
        #expect(displaced == oldest && machine.queued == 2)
    }

    @Test func `a queue that was empty in between does not stand`() throws {
        var machine = BulkheadStateMachine(
            BulkheadConfiguration(maximumConcurrent: 1, maximumQueued: 9, order: .controlledDelay)
        )
        #expect(machine.placeWanted() == true)
        let first = try waiter(&machine, at: start)
        #expect(machine.waiterLeft(first) == true)
        let second = try waiter(&machine, at: after(150))
        let third = try waiter(&machine, at: after(160))
        _ = machine.placeReturned()
        #expect(machine.nextSettlement(at: after(170)) == .admitted(second))
        #expect(machine.nextSettlement(at: after(170)) == nil)
        #expect(machine.waiterLeft(third) == true)
    }

    @Test func `a call whose deadline has passed never waits, and one that expires while it waits is never admitted`()
        throws
    {
        var machine = BulkheadStateMachine(BulkheadConfiguration(maximumConcurrent: 1, maximumQueued: 9))
        #expect(machine.placeWanted() == true)
        #expect(machine.callWanted(at: start, deadline: Deadline(start)) == .refused(.deadline))
        let short = try waiter(&machine, at: start, deadline: Deadline(after(10)))
        let long = try waiter(&machine, at: start)
        _ = machine.placeReturned()
        #expect(machine.nextSettlement(at: after(10)) == .refused(short, .deadline))
        #expect(machine.nextSettlement(at: after(10)) == .admitted(long))
        #expect(machine.waiterTimedOut(short) == nil)
        let hasLeft = machine.waiterLeft(short)
        #expect(!hasLeft)
    }

    @Test func `a smaller limit drains, a larger one admits who waits`() throws {
        var machine = BulkheadStateMachine(BulkheadConfiguration(maximumConcurrent: 3, maximumQueued: 9))
        for _ in 0..<3 { #expect(machine.placeWanted() == true) }
        let first = try waiter(&machine, at: start)
        let second = try waiter(&machine, at: start)
        _ = machine.limitChanged(to: 1)
        for _ in 0..<2 {
            _ = machine.placeReturned()
            #expect(machine.nextSettlement(at: start) == nil)
        }
        _ = machine.placeReturned()
        #expect(machine.nextSettlement(at: start) == .admitted(first))
        #expect(machine.limitChanged(to: 2) == true)
        #expect(machine.nextSettlement(at: start) == .admitted(second))
    }

    /// One place, a millisecond a call, and two calls for each that can be served: how many were served after waiting
    /// for at most 10 ms, and how many after more, in two seconds.
    private func overload(_ order: BulkheadConfiguration.Order) -> (soon: Int, late: Int) {
        var machine = BulkheadStateMachine(
            BulkheadConfiguration(maximumConcurrent: 1, maximumQueued: 10_000, order: order)
        )
        var now = start
        var since: [BulkheadStateMachine.WaiterID: (MeshInstant, until: MeshInstant)] = [:]
        var (soon, late) = (0, 0)
        for step in 0..<4_000 {
            now = now.advanced(by: Nanoseconds(rawValue: 500_000))
            for (id, waiter) in since where waiter.until <= now {
                _ = machine.waiterTimedOut(id)
                since[id] = nil
            }
            if case .queued(let id, let until, _) = machine.callWanted(at: now) { since[id] = (now, until) }
            guard step % 2 == 1, machine.placeReturned() else { continue }
            while let settlement = machine.nextSettlement(at: now) {
                switch settlement {
                case .admitted(let id):
                    guard let (began, _) = since.removeValue(forKey: id) else { continue }
                    if now.elapsed(since: began) <= .milliseconds(10) { soon += 1 } else { late += 1 }
                case .refused(let id, _): since[id] = nil
                }
            }
        }
        return (soon, late)
    }

    @Test func `under lasting overload controlled delay serves in time whom a fair queue serves too late`() {
        let fair = overload(.fifo)
        let controlled = overload(.controlledDelay)
        #expect(fair.soon < 100 && fair.late > 1_500)
        #expect(controlled.soon > 1_800 && controlled.late < 150)
    }

    @Test func `observing counts those who would have run or waited and nobody else`() {
        var machine = BulkheadStateMachine(BulkheadConfiguration(maximumConcurrent: 1, maximumQueued: 1))
        #expect(machine.callObserved() == .admitted)
        #expect(machine.callObserved() == .queued)
        #expect(machine.callObserved() == .refused(.queueFull))
        #expect(machine.inFlight == 2)
    }

    @Test func `extremes neither overflow nor trap`() throws {
        let largest = BulkheadConfiguration(
            maximumConcurrent: .max,
            maximumQueued: .max,
            maximumWait: .forever,
            order: .controlledDelay(target: .forever, interval: .forever)
        )
        var machine = BulkheadStateMachine(largest)
        #expect(machine.callWanted(at: MeshInstant(nanoseconds: .max)) == .admitted)
        _ = machine.limitChanged(to: .min)
        let id = try waiter(&machine, at: MeshInstant(nanoseconds: .max))
        #expect(machine.nextSettlement(at: MeshInstant(nanoseconds: 0)) == nil)
        #expect(machine.waiterTimedOut(id) == .waitTooLong)
        var smallest = BulkheadStateMachine(BulkheadConfiguration(maximumConcurrent: .min, maximumQueued: .min))
        #expect(smallest.callWanted(at: MeshInstant(nanoseconds: 0)) == .refused(.limit))
        _ = smallest.placeReturned()
        #expect(smallest.inFlight == 0)
    }

    @Test(arguments: [
        (UInt64(1), BulkheadConfiguration.Order.fifo), (2, .lifo), (3, .controlledDelay),
        (4, .controlledDelay(target: .milliseconds(1), interval: .milliseconds(2))),
    ])
    func `over 100 000 random steps nobody is lost and nobody gets in twice`(
        seed: UInt64,
        order: BulkheadConfiguration.Order
    ) {
        let random = MeshRandom(seed: seed)
        let configuration = BulkheadConfiguration(
            maximumConcurrent: 3,
            maximumQueued: 7,
            maximumWait: .milliseconds(20),
            order: order
        )
        var machine = BulkheadStateMachine(configuration)
        var now = start
        var inside = 0
        var waiting: [BulkheadStateMachine.WaiterID] = []
        func settleAll() {
            while let settlement = machine.nextSettlement(at: now) {
                let id: BulkheadStateMachine.WaiterID
                switch settlement {
                case .admitted(let admitted):
                    id = admitted
                    inside += 1
                    #expect(inside <= machine.limit)
                case .refused(let refused, _): id = refused
                }
                guard let index = waiting.firstIndex(of: id) else {
                    Issue.record("somebody was settled who does not wait")
                    return
                }
                waiting.remove(at: index)
            }
        }
        var isSound = true
        for _ in 0..<100_000 {
            now = now.advanced(by: Nanoseconds(rawValue: random.below(2_000_000)))
            switch random.below(10) {
            case 0...4:
                let wish = random.below(3) == 0 ? Deadline(.milliseconds(random.below(5)), after: now) : .never
                switch machine.callWanted(at: now, deadline: wish) {
                case .admitted: inside += 1
                case .queued(let id, _, let displaced):
                    waiting.append(id)
                    if let displaced { waiting.removeAll { $0 == displaced } }
                case .refused: break
                }
            case 5...7 where inside > 0:
                inside -= 1
                if machine.placeReturned() { settleAll() }
            case 8 where !waiting.isEmpty:
                let id = waiting.remove(at: Int(random.below(UInt64(waiting.count))))
                isSound = isSound && machine.waiterLeft(id) && !machine.waiterLeft(id)
            case 9:
                if machine.limitChanged(to: 1 + Int(random.below(5))) { settleAll() }
            default: break
            }
            isSound =
                isSound && machine.inFlight == inside && machine.queued == waiting.count
                && machine.checkInvariants() && (waiting.isEmpty || machine.inFlight >= machine.limit)
        }
        #expect(isSound)
    }
}
