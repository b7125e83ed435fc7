// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Testing

@Suite struct AdaptiveLimitLayerTests {
    private let clock = ManualClock()

    @Test func `the place is held until the exchange ends, whose length and status are the sample`() async throws {
        let network = InMemoryTransport([.status(200), .status(503), .status(500)], clock: clock)
        let contract = TransportContract(network)
        let heard = Shared<[LimitSample]>([])
        let limit = try AdaptiveLimit(algorithm: RecordingLimit(heard: heard), clock: clock)
        let layer = TransportContract(AdaptiveLimitLayer(contract, source: FixedPolicy(limit)))
        for _ in 0..<3 {
            var context = CallContext(now: clock.now)
            _ = try await layer.send(InMemoryRequest(), context: &context)
            #expect(context.heldPermits == .adaptiveLimit && context.inFlightAtStart == 1 && limit.inFlight == 1)
            clock.advance(by: .milliseconds(20))
            layer.finish(&context, .completed)
            #expect(context.heldPermits.isEmpty)
        }
        #expect(heard.value.map(\.rtt) == [.milliseconds(20), .milliseconds(20)])
        #expect(heard.value.map(\.isDrop) == [false, true], "a 500 is no sample")
        #expect(limit.inFlight == 0 && contract.violations.isEmpty && layer.violations.isEmpty)
    }

    @Test func `a timeout shrinks the limit, a cancellation and a refused connection do not`() async throws {
        let clock = clock
        let timeout = MeshError(.attemptTimeout, origin: .upstream, requestState: .maybeSent, message: "")
        let network = InMemoryTransport(
            [.fail(timeout), .refuseConnection, .respondAfter(.seconds(9), InMemoryResponse())],
            clock: clock
        )
        let contract = TransportContract(network)
        let heard = Shared<[LimitSample]>([])
        let limit = try AdaptiveLimit(algorithm: RecordingLimit(heard: heard), clock: clock)
        let layer = AdaptiveLimitLayer(contract, source: FixedPolicy(limit))
        for _ in 0..<2 {
            var context = CallContext(now: clock.now)
            await #expect(throws: MeshError.self) { _ = try await layer.send(InMemoryRequest(), context: &context) }
            #expect(context.heldPermits.isEmpty)
        }
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                var context = CallContext(now: clock.now)
                await #expect(throws: CancellationError.self) {
                    _ = try await layer.send(InMemoryRequest(), context: &context)
                }
            }
            await clock.waitForSleepers()
            group.cancelAll()
        }
        var context = CallContext(now: clock.now)
        let quick = AdaptiveLimitLayer(
            TransportContract(InMemoryTransport([.status(200)], clock: clock)),
            source: FixedPolicy(limit)
        )
        _ = try await quick.send(InMemoryRequest(), context: &context)
        quick.finish(&context, .cancelled)
        #expect(heard.value.map(\.isDrop) == [true])
        #expect(limit.inFlight == 0 && contract.violations.isEmpty)
    }

    @Test func `a request's header names its partition, which is given back when it ends`() async throws {
        let network = InMemoryTransport([.status(200)], clock: clock)
        let contract = TransportContract(network)
        let configuration = AdaptiveLimitConfiguration(
            partitions: [.init("live", share: 0.5), .init("batch", share: 0.5)],
            partitionHeader: "x-traffic"
        )
        let limit = try AdaptiveLimit(algorithm: FixedLimit(limit: 1), configuration: configuration, clock: clock)
        let layer = AdaptiveLimitLayer(contract, source: FixedPolicy(limit))
        var first = CallContext(now: clock.now)
        var second = CallContext(now: clock.now)
        _ = try await layer.send(InMemoryRequest(headers: [("x-traffic", "live")]), context: &first)
        _ = try await layer.send(InMemoryRequest(headers: [("x-traffic", "batch")]), context: &second)
        #expect(limit.inFlight(in: "live") == 1 && limit.inFlight(in: "batch") == 1)
        var third = CallContext(now: clock.now)
        await #expect(throws: MeshError.self) {
            _ = try await layer.send(InMemoryRequest(headers: [("x-traffic", "batch")]), context: &third)
        }
        layer.finish(&second, .completed)
        #expect(limit.inFlight(in: "live") == 1 && limit.inFlight(in: "batch") == 0)
        layer.finish(&first, .completed)
        #expect(limit.inFlight == 0 && contract.violations.isEmpty)
    }

    @Test(arguments: [PolicyMode.observe, .disabled])
    func `a layer that does not act lets everything pass`(mode: PolicyMode) async throws {
        let contract = TransportContract(InMemoryTransport([.status(200)], clock: clock))
        let limit = try AdaptiveLimit(
            algorithm: FixedLimit(limit: 1),
            configuration: AdaptiveLimitConfiguration(mode: mode),
            clock: clock
        )
        let layer = AdaptiveLimitLayer(contract, source: FixedPolicy(limit))
        var contexts = [CallContext](repeating: CallContext(now: clock.now), count: 3)
        for index in contexts.indices { _ = try await layer.send(InMemoryRequest(), context: &contexts[index]) }
        #expect(contexts.map(\.heldPermits) == (mode == .observe ? [.adaptiveLimit, [], []] : [[], [], []]))
        for index in contexts.indices { layer.finish(&contexts[index], .completed) }
        #expect(limit.inFlight == 0 && contract.violations.isEmpty)
    }
}
