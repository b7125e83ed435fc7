// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Testing

@Suite struct BatchingTests {
    private let clock = ManualClock()
    private let observer = RecordingObserver()
    private let batches = Journal<[Int]>()

    /// Batches whose calls give ten times their key, once `gate` is open.
    private func batching(
        _ configuration: BatchingConfiguration = BatchingConfiguration(),
        gate: Gate? = nil,
        failing: Set<Int> = [],
        missing: Set<Int> = []
    ) throws -> Batching<Int, Int> {
        let batches = batches
        return try Batching(configuration, name: "users", observers: ObserverSet([observer]), clock: clock) { keys in
            batches.append(keys)
            await gate?.pass()
            if keys.contains(-1) { throw Broken(number: -1) }
            var results: [Int: Result<Int, any Error>] = [:]
            for key in keys where !missing.contains(key) {
                results[key] = failing.contains(key) ? .failure(Broken(number: key)) : .success(key * 10)
            }
            return results
        }
    }

    private func decision(
        _ action: PolicyDecision.Action,
        _ reason: PolicyDecision.Reason,
        isEnforced: Bool = true
    ) -> PolicyDecision {
        PolicyDecision(.batch, name: "users", action, because: reason, isEnforced: isEnforced)
    }

    /// Starts a call, and returns when it waits.
    private func call(_ batching: Batching<Int, Int>, _ key: Int) async -> Task<Int, any Error> {
        let before = batching.waiting
        let task = Task { try await batching.run(key) }
        while batching.waiting == before { await Task.yield() }
        return task
    }

    @Test func `calls of 10 ms are sent as one, each key once, and each call gets its own result`() async throws {
        let batching = try batching()
        var calls: [Task<Int, any Error>] = []
        for key in [1, 2, 1, 3] { calls.append(await call(batching, key)) }
        await clock.waitForSleepers()
        #expect(batches.all == [])
        clock.advance(by: .milliseconds(10))
        var values: [Int] = []
        for call in calls { values.append(try await call.value) }
        #expect(values == [10, 20, 10, 30])
        #expect(batches.all == [[1, 2, 3]])
        #expect(observer.decisions == [decision(.batched, .deadline)])
        #expect(batching.waiting == 0)
        #expect(batching.batches == 0)
    }

    @Test func `a batch that is full is sent at once`() async throws {
        let batching = try batching(BatchingConfiguration(maximumBatchSize: 2))
        let first = await call(batching, 1)
        #expect(try await batching.run(2) == 20)
        #expect(try await first.value == 10)
        #expect(batches.all == [[1, 2]])
        #expect(observer.decisions == [decision(.batched, .limit)])
    }

    @Test func `a call alone is a batch of one, and no decision`() async throws {
        let batching = try batching(BatchingConfiguration(maximumBatchSize: 1))
        #expect(try await batching.run(4) == 40)
        #expect(observer.decisions == [])
    }

    @Test func `one key that fails fails its own calls alone, and so does one without a result`() async throws {
        let batching = try batching(BatchingConfiguration(maximumBatchSize: 3), failing: [2], missing: [3])
        let (good, bad) = (await call(batching, 1), await call(batching, 2))
        let error = await #expect(throws: MeshError.self) { try await batching.run(3) }
        #expect(error?.code == .protocolViolation)
        #expect(error?.requestState == .answered)
        #expect(try await good.value == 10)
        await #expect(throws: Broken(number: 2)) { try await bad.value }
    }

    @Test func `a batch that fails fails every call of it`() async throws {
        let batching = try batching(BatchingConfiguration(maximumBatchSize: 2))
        let first = await call(batching, 1)
        await #expect(throws: Broken(number: -1)) { try await batching.run(-1) }
        await #expect(throws: Broken(number: -1)) { try await first.value }
        #expect(batching.waiting == 0)
    }

    @Test func `a call that is cancelled leaves the batch that is collected, and the others go on`() async throws {
        let batching = try batching()
        let (left, stays, shared) = (await call(batching, 1), await call(batching, 2), await call(batching, 2))
        left.cancel()
        await #expect(throws: CancellationError.self) { try await left.value }
        shared.cancel()
        await #expect(throws: CancellationError.self) { try await shared.value }
        #expect(batching.waiting == 1)
        clock.advance(by: .milliseconds(10))
        #expect(try await stays.value == 20)
        #expect(batches.all == [[2]])
    }

    @Test func `when every call has left nothing is sent`() async throws {
        let batching = try batching()
        let only = await call(batching, 1)
        only.cancel()
        await #expect(throws: CancellationError.self) { try await only.value }
        clock.advance(by: .seconds(1))
        let next = await call(batching, 2)
        clock.advance(by: .milliseconds(10))
        #expect(try await next.value == 20)
        #expect(batches.all == [[2]])
    }

    @Test func `a batch under way goes on without the call that leaves, and is cancelled with the last`() async throws {
        let (gate, cancelled) = (Gate(), Gate())
        let batching = try Batching<Int, Int>(BatchingConfiguration(maximumBatchSize: 2), clock: clock) { keys in
            await withTaskCancellationHandler {
                await gate.pass()
            } onCancel: {
                cancelled.open()
            }
            return [:]
        }
        let (first, second) = (await call(batching, 1), Task { try await batching.run(2) })
        await gate.waitForArrivals()
        first.cancel()
        await #expect(throws: CancellationError.self) { try await first.value }
        #expect(batching.batches == 1)
        second.cancel()
        await #expect(throws: CancellationError.self) { try await second.value }
        await cancelled.pass()
        #expect(batching.batches == 0)
        #expect(batching.waiting == 0)
        gate.open()
    }

    @Test func `a caller that was cancelled before joins nothing`() async throws {
        let (batching, gate) = (try batching(), Gate())
        let caller = Task {
            await gate.pass()
            return try await batching.run(1)
        }
        caller.cancel()
        gate.open()
        await #expect(throws: CancellationError.self) { try await caller.value }
        #expect(batching.waiting == 0)
        #expect(clock.sleeperCount == 0)
    }

    @Test func `no more calls wait than may, those of a batch under way included`() async throws {
        let gate = Gate()
        let batching = try batching(BatchingConfiguration(maximumBatchSize: 2, maximumWaiting: 3), gate: gate)
        let calls = [await call(batching, 1), await call(batching, 2), await call(batching, 3)]
        await gate.waitForArrivals()
        let error = await #expect(throws: MeshError.self) { try await batching.run(4) }
        #expect(error?.code == .overflow)
        #expect(error?.reason == .queueFull)
        #expect(observer.decisions == [decision(.batched, .limit), decision(.refused, .queueFull)])
        clock.advance(by: .milliseconds(10))
        gate.open()
        for (position, call) in calls.enumerated() { #expect(try await call.value == (position + 1) * 10) }
    }

    @Test func `observe-only sends each call alone and says which would have gone together`() async throws {
        let batching = try batching(BatchingConfiguration(mode: .observe))
        #expect(try await batching.run(1) == 10)
        clock.advance(by: .milliseconds(9))
        #expect(try await batching.run(2) == 20)
        clock.advance(by: .milliseconds(1))
        #expect(try await batching.run(3) == 30)
        #expect(batches.all == [[1], [2], [3]])
        #expect(observer.decisions == [decision(.batched, .deadline, isEnforced: false)])
    }

    @Test func `disabled sends each call alone and says nothing`() async throws {
        let batching = try batching(BatchingConfiguration(mode: .disabled), failing: [2])
        #expect(try await batching.run(1) == 10)
        await #expect(throws: Broken(number: 2)) { try await batching.run(2) }
        #expect(batches.all == [[1], [2]])
        #expect(observer.decisions == [])
    }

    @Test func `a bad configuration is refused with every problem`() {
        let configuration = BatchingConfiguration(maximumBatchSize: 0, maximumDelay: .zero, maximumWaiting: -5)
        let error = #expect(throws: ConfigurationError.self) { try self.batching(configuration) }
        #expect(error?.problems.map(\.path) == ["maximumBatchSize", "maximumDelay", "maximumWaiting"])
        #expect(throws: ConfigurationError.self) { try BatchingConfiguration(maximumDelay: .forever).validate() }
        #expect(BatchingConfiguration().settings.allSatisfy { $0.source != .configured("") })
    }

    @Test func `contended: every call that waits gets the result of its key`() async throws {
        let (clock, sizes) = (clock, Journal<Int>())
        let batching = try Batching<Int, Int>(BatchingConfiguration(maximumBatchSize: 5), clock: clock) { keys in
            sizes.append(keys.count)
            await Task.yield()
            return Dictionary(uniqueKeysWithValues: keys.map { ($0, .success($0 * 10)) })
        }
        let served = await withTaskGroup(of: Int.self) { group in
            for worker in 0..<8 {
                group.addTask {
                    let random = MeshRandom(seed: UInt64(worker))
                    var served = 0
                    for _ in 0..<300 {
                        let (key, isImpatient) = (Int(random.below(20)), random.below(4) == 0)
                        let call = Task { try await batching.run(key) }
                        if isImpatient { call.cancel() }
                        do {
                            let value = try await call.value
                            if value != key * 10 { Issue.record("\(value) for \(key)") }
                            served += 1
                        } catch {
                            if !isImpatient { Issue.record("\(error) for a call that waited") }
                        }
                    }
                    return served
                }
            }
            group.addTask {
                while !Task.isCancelled {
                    clock.advance(by: .milliseconds(1))
                    await Task.yield()
                }
                return 0
            }
            var served = 0
            for _ in 0..<8 { served += await group.next() ?? 0 }
            group.cancelAll()
            return served
        }
        #expect(served >= 1600)
        #expect(sizes.all.allSatisfy { (1...5).contains($0) })
        #expect(batching.waiting == 0)
        #expect(batching.batches == 0)
    }
}
