// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Testing

@Suite struct CoalescingTests {
    private let observer = RecordingObserver()

    private func coalescing(_ mode: PolicyMode = .enforce) throws -> Coalescing<String, Int> {
        try Coalescing(CoalescingConfiguration(mode: mode), name: "reviews", observers: ObserverSet([observer]))
    }

    /// Starts a caller of a key, and returns when it waits.
    private func caller(
        _ coalescing: Coalescing<String, Int>,
        _ key: String = "a",
        _ operation: @escaping @Sendable () async throws -> Int
    ) async -> Task<Int, any Error> {
        let before = coalescing.callers
        let task = Task { try await coalescing.run(key, operation) }
        while coalescing.callers == before { await Task.yield() }
        return task
    }

    @Test func `calls for one key that overlap run once and share the value`() async throws {
        let (coalescing, gate, runs) = (try coalescing(), Gate(), Journal<Int>())
        var callers: [Task<Int, any Error>] = []
        for number in 0..<5 {
            callers.append(
                await caller(coalescing) {
                    runs.append(number)
                    await gate.pass()
                    return 7
                }
            )
        }
        #expect(coalescing.flights == 1)
        #expect(coalescing.callers == 5)
        gate.open()
        for caller in callers { #expect(try await caller.value == 7) }
        #expect(runs.all == [0])
        #expect(coalescing.flights == 0)
        #expect(coalescing.callers == 0)
        let joined = PolicyDecision(.coalescing, name: "reviews", .joined, because: .duplicate)
        #expect(observer.decisions == Array(repeating: joined, count: 4))
    }

    @Test func `calls for other keys, and calls that do not overlap, run for themselves`() async throws {
        let (coalescing, gate) = (try coalescing(), Gate())
        let first = await caller(coalescing, "a") {
            await gate.pass()
            return 1
        }
        #expect(try await coalescing.run("b") { 2 } == 2)
        gate.open()
        #expect(try await first.value == 1)
        #expect(try await coalescing.run("a") { 3 } == 3)
        #expect(observer.decisions == [])
    }

    @Test func `an error is shared as well`() async throws {
        let (coalescing, gate) = (try coalescing(), Gate())
        let leader = await caller(coalescing) {
            await gate.pass()
            throw Broken(number: 1)
        }
        let joiner = await caller(coalescing) { 2 }
        gate.open()
        await #expect(throws: Broken(number: 1)) { try await leader.value }
        await #expect(throws: Broken(number: 1)) { try await joiner.value }
    }

    @Test(arguments: [0, 1])
    func `a caller that is cancelled leaves alone, be it the first or a later one`(leaver: Int) async throws {
        let (coalescing, gate) = (try coalescing(), Gate())
        var callers: [Task<Int, any Error>] = []
        for _ in 0..<2 {
            callers.append(
                await caller(coalescing) {
                    await gate.pass()
                    return Task.isCancelled ? -1 : 7
                }
            )
        }
        callers[leaver].cancel()
        await #expect(throws: CancellationError.self) { try await callers[leaver].value }
        #expect(coalescing.callers == 1)
        gate.open()
        #expect(try await callers[1 - leaver].value == 7)
        #expect(coalescing.flights == 0)
    }

    @Test func `when the last caller leaves the work is cancelled, and the next caller begins anew`() async throws {
        let (coalescing, gate, cancelled) = (try coalescing(), Gate(), Gate())
        let only = await caller(coalescing) {
            await withTaskCancellationHandler {
                await gate.pass()
            } onCancel: {
                cancelled.open()
            }
            return 1
        }
        await gate.waitForArrivals()
        only.cancel()
        await #expect(throws: CancellationError.self) { try await only.value }
        await cancelled.pass()
        #expect(coalescing.flights == 0)
        #expect(try await coalescing.run("a") { 2 } == 2)
        gate.open()
    }

    @Test func `a caller's deadline is its own: it stops waiting and the others go on`() async throws {
        let (gate, clock) = (Gate(), ManualClock())
        let wheel = TimerWheel(clock: clock)
        let coalescing = try Coalescing<String, Int>(timers: wheel)
        let deadline = Deadline(.milliseconds(5), after: clock.now)
        async let failure = #expect(throws: MeshError.self) {
            try await coalescing.run("a", deadline: deadline) {
                await gate.pass()
                return Task.isCancelled ? -1 : 7
            }
        }
        await gate.waitForArrivals()
        let patient = await caller(coalescing) { 8 }
        clock.advance(by: .milliseconds(5))
        let error = await failure
        #expect(error?.code == .deadlineExceeded)
        #expect(error?.reason == .deadline)
        gate.open()
        #expect(try await patient.value == 7)
        #expect(try await coalescing.run("b", deadline: Deadline(.seconds(1), after: clock.now)) { 9 } == 9)
        #expect(wheel.count == 0)
    }

    @Test func `a caller that was cancelled before runs nothing and joins nothing`() async throws {
        let (coalescing, gate, runs) = (try coalescing(), Gate(), Journal<Int>())
        let caller = Task {
            await gate.pass()
            return try await coalescing.run("a") {
                runs.append(1)
                return 1
            }
        }
        caller.cancel()
        gate.open()
        await #expect(throws: CancellationError.self) { try await caller.value }
        #expect(runs.count == 0)
        #expect(coalescing.flights == 0)
        #expect(coalescing.callers == 0)
    }

    @Test func `a key that is forgotten runs anew, and those who wait get what they waited for`() async throws {
        let (coalescing, gate) = (try coalescing(), Gate())
        let old = await caller(coalescing) {
            await gate.pass()
            return 1
        }
        coalescing.forget("a")
        #expect(try await coalescing.run("a") { 2 } == 2)
        coalescing.forgetAll()
        gate.open()
        #expect(try await old.value == 1)
        #expect(coalescing.flights == 0)
    }

    @Test func `the work has the first caller's task-local values`() async throws {
        let (coalescing, gate) = (try coalescing(), Gate())
        let inbound = InboundContext(trace: .none, peerIdentity: "spiffe://first")
        let leader = await InboundContext.$current.withValue(inbound) {
            await caller(coalescing) {
                await gate.pass()
                return InboundContext.current?.peerIdentity == "spiffe://first" ? 1 : 0
            }
        }
        let joiner = await caller(coalescing) { 2 }
        gate.open()
        #expect(try await leader.value == 1)
        #expect(try await joiner.value == 1)
    }

    @Test func `observe-only runs every call and says which would have joined`() async throws {
        let (coalescing, gate) = (try coalescing(.observe), Gate())
        async let first = coalescing.run("a") {
            await gate.pass()
            return 1
        }
        await gate.waitForArrivals()
        #expect(try await coalescing.run("a") { 2 } == 2)
        gate.open()
        #expect(try await first == 1)
        #expect(try await coalescing.run("a") { 3 } == 3)
        let joined = PolicyDecision(.coalescing, name: "reviews", .joined, because: .duplicate, isEnforced: false)
        #expect(observer.decisions == [joined])
        #expect(coalescing.flights == 0)
    }

    @Test func `disabled runs every call and says nothing`() async throws {
        let (coalescing, gate) = (try coalescing(.disabled), Gate())
        async let first = coalescing.run("a") {
            await gate.pass()
            return 1
        }
        await gate.waitForArrivals()
        #expect(try await coalescing.run("a") { 2 } == 2)
        gate.open()
        #expect(try await first == 1)
        #expect(observer.decisions == [])
        #expect(CoalescingConfiguration().settings.allSatisfy { $0.source != .configured("") })
    }

    @Test func `contended: nobody waits for ever, and each gets the value of its key`() async throws {
        let (coalescing, runs) = (try coalescing(), Journal<Int>())
        let counts = await withTaskGroup(of: (Int, Int).self) { group in
            for worker in 0..<8 {
                group.addTask {
                    let random = MeshRandom(seed: UInt64(worker))
                    var counts = (0, 0)
                    for _ in 0..<300 {
                        let key = Int(random.below(3))
                        let isImpatient = random.below(4) == 0
                        let call = Task {
                            try await coalescing.run("\(key)") {
                                runs.append(key)
                                for _ in 0..<3 { await Task.yield() }
                                return key
                            }
                        }
                        if isImpatient { call.cancel() }
                        do {
                            let value = try await call.value
                            if value != key { Issue.record("\(value) for \(key)") }
                            counts.0 += 1
                        } catch {
                            if !isImpatient { Issue.record("\(error) for a caller that waited") }
                            counts.1 += 1
                        }
                    }
                    return counts
                }
            }
            return await group.reduce((0, 0)) { ($0.0 + $1.0, $0.1 + $1.1) }
        }
        #expect(counts.0 + counts.1 == 2400)
        #expect(runs.count <= 2400)
        #expect(coalescing.flights == 0)
        #expect(coalescing.callers == 0)
    }
}
