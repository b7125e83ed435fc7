// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Testing

@Suite struct BulkheadTests {
    private let clock = ManualClock()
    private let observer = RecordingObserver()

    private func bulkhead(_ configuration: BulkheadConfiguration) throws -> Bulkhead {
        try Bulkhead(configuration, name: "reviews", observers: ObserverSet([observer]), clock: clock)
    }

    @MainActor private static func expectCancellation(of bulkhead: Bulkhead, _ ran: Shared<Bool>) async {
        await #expect(throws: CancellationError.self) {
            try await bulkhead.run { ran.update { $0 = true } }
        }
    }

    private func isFull(_ bulkhead: Bulkhead) -> Bool {
        guard let permit = bulkhead.tryAcquire() else { return true }
        permit.release()
        return false
    }

    private func reason(_ body: () async throws -> Void) async -> PolicyDecision.Reason? {
        do {
            try await body()
            return nil
        } catch {
            return (error as? MeshError)?.reason
        }
    }

    @Test func `it guards any async closure and gives the place back when that ends or throws`() async throws {
        let bulkhead = try bulkhead(BulkheadConfiguration(maximumConcurrent: 1))
        #expect(try await bulkhead.run { bulkhead.inFlight } == 1)
        await #expect(throws: CancellationError.self) {
            try await bulkhead.run { throw CancellationError() }
        }
        #expect(bulkhead.inFlight == 0 && observer.decisions.isEmpty)
    }

    @Test func `a permit that is dropped gives its place back`() async throws {
        let bulkhead = try bulkhead(BulkheadConfiguration(maximumConcurrent: 1))
        do {
            let permit = try await bulkhead.acquire()
            #expect(bulkhead.inFlight == 1)
            #expect(isFull(bulkhead))
            permit.release()
        }
        #expect(bulkhead.inFlight == 0)
        do { _ = bulkhead.tryAcquire() }
        #expect(bulkhead.inFlight == 0)
    }

    @Test func `a refusal says why and is told once`() async throws {
        let bulkhead = try bulkhead(BulkheadConfiguration(maximumConcurrent: 1))
        let permit = try await bulkhead.acquire()
        let error = await #expect(throws: MeshError.self) { try await bulkhead.run {} }
        #expect(error?.code == .overflow && error?.reason == .limit && error?.origin == .local)
        #expect(error?.requestState == .notSent)
        #expect(observer.decisions == [PolicyDecision(.bulkhead, name: "reviews", .refused, because: .limit)])
        permit.release()
    }

    @Test(arguments: [
        (BulkheadConfiguration.Order.lifo, [4, 3, 2, 1, 0]), (.fifo, [0, 1, 2, 3, 4]),
    ])
    func `row 123: five waiters are served newest first, and oldest first where the order is fair`(
        order: BulkheadConfiguration.Order,
        expected: [Int]
    ) async throws {
        let bulkhead = try bulkhead(
            BulkheadConfiguration(maximumConcurrent: 1, maximumQueued: 100, order: order)
        )
        let served = Shared<[Int]>([])
        let permit = PermitHolder(try await bulkhead.acquire())
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<5 {
                group.addTask { try await bulkhead.run { served.update { $0.append(number) } } }
                await clock.waitForSleepers(number + 1)
            }
            permit.release()
            try await group.waitForAll()
        }
        #expect(served.value == expected)
        #expect(bulkhead.inFlight == 0 && bulkhead.queued == 0 && bulkhead.unsettled == 0)
        #expect(observer.decisions.map(\.action) == Array(repeating: .queued, count: 5))
    }

    @Test func `a wait ends at the maximum, or at the deadline if that is earlier`() async throws {
        let bulkhead = try bulkhead(BulkheadConfiguration(maximumConcurrent: 1, maximumQueued: 9))
        let permit = try await bulkhead.acquire()
        let clock = clock
        #expect(await reason { try await bulkhead.run(deadline: Deadline(clock.now)) {} } == .deadline)
        #expect(clock.sleeperCount == 0, "it did not even begin to wait")
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                let deadline = Deadline(.milliseconds(300), after: clock.now)
                let error = await #expect(throws: MeshError.self) { try await bulkhead.run(deadline: deadline) {} }
                #expect(error?.code == .deadlineExceeded && error?.reason == .deadline)
                #expect(clock.now == MeshInstant(nanoseconds: 1_300_000_000))
            }
            await clock.waitForSleepers()
            clock.advance(by: .milliseconds(300))
        }
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                let error = await #expect(throws: MeshError.self) { try await bulkhead.run {} }
                #expect(error?.code == .overflow && error?.reason == .waitTooLong)
            }
            await clock.waitForSleepers()
            clock.advance(by: .seconds(1))
        }
        #expect(bulkhead.queued == 0 && bulkhead.unsettled == 0 && bulkhead.inFlight == 1)
        permit.release()
    }

    @Test func `controlled delay refuses the displaced at once`() async throws {
        let bulkhead = try bulkhead(
            BulkheadConfiguration(maximumConcurrent: 1, maximumQueued: 2, order: .controlledDelay)
        )
        let clock = clock
        let permit = try await bulkhead.acquire()
        await withTaskGroup(of: PolicyDecision.Reason?.self) { group in
            // The second joins late, so that the queue stands when the third comes.
            group.addTask { await reason { try await bulkhead.run(deadline: .never) {} } }
            await clock.waitForSleepers(1)
            clock.advance(by: .milliseconds(99))
            group.addTask { await reason { try await bulkhead.run {} } }
            await clock.waitForSleepers(2)
            clock.advance(by: .milliseconds(1))
            #expect(await group.next() == .waitTooLong, "its interval is over")
            group.addTask { await reason { try await bulkhead.run {} } }
            await clock.waitForSleepers(2)
            group.addTask { await reason { try await bulkhead.run {} } }
            #expect(await group.next() == .queueFull)
            await clock.waitForSleepers(2)
            clock.advance(by: .milliseconds(5))
            #expect(await group.next() == .waitTooLong)
            #expect(await group.next() == .waitTooLong)
        }
        permit.release()
        #expect(bulkhead.inFlight == 0 && bulkhead.unsettled == 0)
    }

    @Test func `a cancelled waiter leaves the queue and takes nothing with it`() async throws {
        let bulkhead = try bulkhead(BulkheadConfiguration(maximumConcurrent: 1, maximumQueued: 9))
        let permit = try await bulkhead.acquire()
        let clock = clock
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await #expect(throws: CancellationError.self) { try await bulkhead.run {} }
            }
            await clock.waitForSleepers()
            group.cancelAll()
        }
        #expect(bulkhead.queued == 0 && bulkhead.unsettled == 0 && bulkhead.inFlight == 1)
        permit.release()
        #expect(bulkhead.inFlight == 0)
        #expect(observer.decisions.map(\.action) == [.queued], "a cancellation is nobody's refusal")
    }

    @Test func `a task that is cancelled before it waits does not wait`() async throws {
        let bulkhead = try bulkhead(
            BulkheadConfiguration(maximumConcurrent: 1, maximumQueued: 9, maximumWait: .forever)
        )
        let permit = try await bulkhead.acquire()
        await withTaskGroup(of: Void.self) { group in
            group.cancelAll()
            group.addTask {
                await #expect(throws: CancellationError.self) { try await bulkhead.run {} }
            }
        }
        #expect(bulkhead.queued == 0 && bulkhead.unsettled == 0)
        permit.release()
    }

    @Test func `when a grant and a cancellation meet, no place is lost`() async throws {
        let bulkhead = try bulkhead(
            BulkheadConfiguration(maximumConcurrent: 1, maximumQueued: 9, maximumWait: .forever)
        )
        for _ in 0..<2_000 {
            let permit = PermitHolder(try await bulkhead.acquire())
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    do { try await bulkhead.run {} } catch { #expect(error is CancellationError) }
                }
                group.addTask { permit.release() }
                group.cancelAll()
            }
            #expect(bulkhead.inFlight == 0 && bulkhead.queued == 0 && bulkhead.unsettled == 0)
        }
    }

    @Test @MainActor func `a place that comes first and a cancellation that comes second leave the place to others`()
        async throws
    {
        // On one actor the order is sure: the waiter is resumed by the release and runs after the cancellation.
        let signal = QueueSignal()
        let bulkhead = try Bulkhead(
            BulkheadConfiguration(maximumConcurrent: 1, maximumQueued: 1, maximumWait: .forever),
            observers: ObserverSet([signal])
        )
        let permit = PermitHolder(try await bulkhead.acquire())
        let ran = Shared(false)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await Self.expectCancellation(of: bulkhead, ran) }
            for await _ in signal.queued { break }
            permit.release()
            #expect(bulkhead.inFlight == 1 && bulkhead.queued == 0, "the place is the waiter's")
            group.cancelAll()
        }
        #expect(!ran.value && bulkhead.inFlight == 0 && bulkhead.unsettled == 0)
    }

    @Test func `a cancelled waiter is passed over, and the next is served`() async throws {
        let bulkhead = try bulkhead(
            BulkheadConfiguration(maximumConcurrent: 1, maximumQueued: 9, maximumWait: .seconds(9))
        )
        let permit = PermitHolder(try await bulkhead.acquire())
        let clock = clock
        let served = Shared(0)
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await withTaskGroup(of: Void.self) { inner in
                    inner.addTask { try? await bulkhead.run { served.update { $0 += 1 } } }
                    await clock.waitForSleepers(1)
                    inner.cancelAll()
                }
                permit.release()
            }
            await clock.waitForSleepers(1)
            group.addTask { try? await bulkhead.run { served.update { $0 += 10 } } }
        }
        #expect(served.value == 10 && bulkhead.inFlight == 0)
    }

    @Test func `the limit changes while calls are under way, and observers hear of it`() async throws {
        let bulkhead = try bulkhead(BulkheadConfiguration(maximumConcurrent: 1, maximumQueued: 9))
        let permit = try await bulkhead.acquire()
        let clock = clock
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await bulkhead.run {} }
            await clock.waitForSleepers()
            bulkhead.changeLimit(to: 2)
            try await group.waitForAll()
        }
        bulkhead.changeLimit(to: 2)
        bulkhead.changeLimit(to: 0)
        permit.release()
        #expect(isFull(bulkhead))
        #expect(observer.decisions.map(\.action) == [.queued, .changed, .changed])
    }

    @Test func `observing lets everybody pass and says what it would have done`() async throws {
        let bulkhead = try bulkhead(BulkheadConfiguration(maximumConcurrent: 1, maximumQueued: 1, mode: .observe))
        let first = try await bulkhead.acquire()
        let second = try await bulkhead.acquire()
        let third = try await bulkhead.acquire()
        #expect(observer.decisions.map(\.action) == [.queued, .refused])
        #expect(observer.decisions.allSatisfy { !$0.isEnforced && $0.policy == .bulkhead })
        #expect(bulkhead.inFlight == 2)
        third.release()
        #expect(bulkhead.inFlight == 2, "what would have been refused holds nothing")
        second.release()
        first.release()
        #expect(bulkhead.inFlight == 0)
    }

    @Test func `disabled it counts nothing and refuses nobody`() async throws {
        let bulkhead = try bulkhead(BulkheadConfiguration(maximumConcurrent: 1, mode: .disabled))
        let first = try await bulkhead.acquire()
        let second = try await bulkhead.acquire()
        #expect(bulkhead.inFlight == 0 && observer.events.isEmpty)
        first.release()
        second.release()
    }

    @Test func `many tasks at once never exceed the limit, and all are served`() async throws {
        let bulkhead = try Bulkhead(
            BulkheadConfiguration(maximumConcurrent: 3, maximumQueued: 1_000, maximumWait: .forever)
        )
        let tally = Shared((inside: 0, most: 0, served: 0))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<500 {
                        try await bulkhead.run {
                            tally.update {
                                $0.inside += 1
                                $0.most = max($0.most, $0.inside)
                            }
                            await Task.yield()
                            tally.update {
                                $0.inside -= 1
                                $0.served += 1
                            }
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(tally.value.most <= 3 && tally.value.served == 4_000)
        #expect(bulkhead.inFlight == 0 && bulkhead.queued == 0 && bulkhead.unsettled == 0)
    }

    @Test func `the example of the documentation compiles and runs`() async throws {
        let bulkhead = try Bulkhead(
            BulkheadConfiguration(maximumConcurrent: 10, maximumQueued: 100, order: .controlledDelay),
            name: "reviews"
        )
        #expect(try await bulkhead.run { bulkhead.inFlight } == 1)
    }
}
