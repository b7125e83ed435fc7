// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Testing

@Suite struct BulkheadLayerTests {
    private let clock = ManualClock()

    @Test func `the place is held until the exchange ends, and nothing is sent without one`() async throws {
        let network = InMemoryTransport([.status(200)], clock: clock)
        let contract = TransportContract(network)
        let bulkhead = try Bulkhead(BulkheadConfiguration(maximumConcurrent: 1), clock: clock)
        let layer = TransportContract(BulkheadLayer(contract, source: FixedPolicy(bulkhead)))
        var context = CallContext(now: clock.now)
        _ = try await layer.send(InMemoryRequest(), context: &context)
        #expect(context.heldPermits == .bulkhead && bulkhead.inFlight == 1)
        var other = CallContext(now: clock.now)
        let error = await #expect(throws: MeshError.self) {
            _ = try await layer.send(InMemoryRequest(), context: &other)
        }
        #expect(error?.reason == .limit && other.heldPermits.isEmpty)
        layer.finish(&context, .completed)
        #expect(context.heldPermits.isEmpty && bulkhead.inFlight == 0)
        #expect(network.sent.count == 1 && contract.violations.isEmpty && layer.violations.isEmpty)
    }

    @Test func `a request that fails, or is cancelled while it waits for its answer, gives its place back`()
        async throws
    {
        let clock = clock
        let network = InMemoryTransport(
            [.closeConnection, .respondAfter(.seconds(9), InMemoryResponse())],
            clock: clock
        )
        let contract = TransportContract(network)
        let bulkhead = try Bulkhead(BulkheadConfiguration(maximumConcurrent: 1), clock: clock)
        let layer = BulkheadLayer(contract, source: FixedPolicy(bulkhead))
        var context = CallContext(now: clock.now)
        await #expect(throws: MeshError.self) { _ = try await layer.send(InMemoryRequest(), context: &context) }
        #expect(bulkhead.inFlight == 0 && context.heldPermits.isEmpty)
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                var context = CallContext(now: clock.now)
                await #expect(throws: CancellationError.self) {
                    _ = try await layer.send(InMemoryRequest(), context: &context)
                }
                #expect(context.heldPermits.isEmpty)
            }
            await clock.waitForSleepers()
            group.cancelAll()
        }
        #expect(bulkhead.inFlight == 0 && contract.violations.isEmpty)
    }

    @Test func `a request waits until its attempt's deadline at most`() async throws {
        let clock = clock
        let network = InMemoryTransport([.status(200)], clock: clock)
        let bulkhead = try Bulkhead(BulkheadConfiguration(maximumConcurrent: 1, maximumQueued: 1), clock: clock)
        let layer = BulkheadLayer(network, source: FixedPolicy(bulkhead))
        let permit = try await bulkhead.acquire()
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                var context = CallContext(now: clock.now, deadline: Deadline(.seconds(9), after: clock.now))
                context.attemptDeadline = Deadline(.milliseconds(100), after: clock.now)
                let error = await #expect(throws: MeshError.self) {
                    _ = try await layer.send(InMemoryRequest(), context: &context)
                }
                #expect(error?.code == .deadlineExceeded && error?.reason == .deadline)
            }
            await clock.waitForSleepers()
            clock.advance(by: .milliseconds(100))
        }
        #expect(network.sent.isEmpty && bulkhead.inFlight == 1 && bulkhead.unsettled == 0)
        permit.release()
    }

    @Test(arguments: [PolicyMode.observe, .disabled])
    func `a layer that does not act lets everything pass`(mode: PolicyMode) async throws {
        let contract = TransportContract(InMemoryTransport([.status(200)], clock: clock))
        let bulkhead = try Bulkhead(BulkheadConfiguration(maximumConcurrent: 1, mode: mode), clock: clock)
        let layer = BulkheadLayer(contract, source: FixedPolicy(bulkhead))
        var contexts = [CallContext](repeating: CallContext(now: clock.now), count: 3)
        for index in contexts.indices { _ = try await layer.send(InMemoryRequest(), context: &contexts[index]) }
        #expect(contexts.map(\.heldPermits) == (mode == .observe ? [.bulkhead, [], []] : [[], [], []]))
        for index in contexts.indices { layer.finish(&contexts[index], .completed) }
        #expect(bulkhead.inFlight == 0 && contract.violations.isEmpty)
    }

    @Test func `without a bulkhead on the route the layer is not there`() async throws {
        let contract = TransportContract(InMemoryTransport([.status(204)], clock: clock))
        let layer = BulkheadLayer(contract, source: FixedPolicy<Bulkhead>(nil))
        var context = CallContext(now: clock.now)
        #expect(try await layer.withResponse(to: InMemoryRequest(), context: &context) { $0.statusCode } == 204)
        #expect(contract.violations.isEmpty)
    }
}
