// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Testing

@Suite struct LoadSheddingLayerTests {
    private let clock = ManualClock()
    private let share = Shared(0.0)

    private func shedder(_ configuration: LoadShedderConfiguration = LoadShedderConfiguration()) throws -> LoadShedder {
        let share = share
        return try LoadShedder(
            configuration,
            signals: [LoadSignal { share.value }],
            clock: clock,
            random: MeshRandom(seed: 1)
        )
    }

    @Test(arguments: [
        (String?.none, false), ("SHEDDABLE", true), ("critical_plus", false), ("who knows", false),
    ])
    func `the header says how much a request matters, and without one it is critical`(
        criticality: String?,
        isRefused: Bool
    ) async throws {
        let network = InMemoryTransport([.status(200)], clock: clock)
        let contract = TransportContract(network)
        let shedder = try shedder()
        let layer = TransportContract(LoadSheddingLayer(contract, source: FixedPolicy(shedder)))
        for _ in 0..<100 {
            for criticality in Criticality.allCases { try await shedder.run(criticality) {} }
        }
        share.update { $0 = 0.4 }
        var context = CallContext(now: clock.now)
        do {
            var request = InMemoryRequest()
            if let criticality { request.setValue(criticality, for: "x-criticality") }
            _ = try await layer.send(request, context: &context)
            #expect(!isRefused && context.heldPermits == .loadShedding && shedder.inFlight == 1)
            layer.finish(&context, .completed)
        } catch {
            #expect(isRefused && (error as? MeshError)?.reason == .priority)
        }
        #expect(network.sent.count == (isRefused ? 0 : 1))
        #expect(shedder.inFlight == 0 && context.heldPermits.isEmpty)
        #expect(contract.violations.isEmpty && layer.violations.isEmpty)
    }

    @Test func `a closure decides before the header`() async throws {
        let contract = TransportContract(InMemoryTransport([.status(200)], clock: clock))
        let shedder = try shedder()
        for _ in 0..<100 {
            for criticality in Criticality.allCases { try await shedder.run(criticality) {} }
        }
        share.update { $0 = 0.4 }
        let layer = LoadSheddingLayer(contract, source: FixedPolicy(shedder)) { (request: InMemoryRequest) in
            request.path == "/batch" ? .sheddable : nil
        }
        var context = CallContext(now: clock.now)
        let request = InMemoryRequest(path: "/batch", headers: [("x-criticality", "critical-plus")])
        await #expect(throws: MeshError.self) { _ = try await layer.send(request, context: &context) }
        let status = try await layer.withResponse(to: InMemoryRequest(path: "/"), context: &context) { $0.statusCode }
        #expect(status == 200 && shedder.inFlight == 0 && contract.violations.isEmpty)
    }

    @Test func `failed and cancelled requests leave nothing behind`() async throws {
        let clock = clock
        let network = InMemoryTransport(
            [.closeConnection, .respondAfter(.seconds(9), InMemoryResponse())],
            clock: clock
        )
        let contract = TransportContract(network)
        let shedder = try shedder(LoadShedderConfiguration(userHeader: "x-user"))
        let layer = LoadSheddingLayer(contract, source: FixedPolicy(shedder))
        var context = CallContext(now: clock.now)
        let request = InMemoryRequest(headers: [("x-user", "ada")])
        await #expect(throws: MeshError.self) { _ = try await layer.send(request, context: &context) }
        #expect(context.heldPermits.isEmpty)
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                var context = CallContext(now: clock.now)
                await #expect(throws: CancellationError.self) { _ = try await layer.send(request, context: &context) }
            }
            await clock.waitForSleepers()
            group.cancelAll()
        }
        #expect(shedder.inFlight == 0 && contract.violations.isEmpty)
    }

    @Test func `what a request waited for above the layer is no part of how long the service takes`() async throws {
        let contract = TransportContract(InMemoryTransport([.status(200)], clock: clock))
        let shedder = try LoadShedder(
            LoadShedderConfiguration(loadTrigger: 1),
            load: SystemLoad { 9 },
            clock: clock,
            random: MeshRandom(seed: 1)
        )
        let layer = LoadSheddingLayer(contract, source: FixedPolicy(shedder))
        var context = CallContext(now: clock.now)
        clock.advance(by: .seconds(30))
        _ = try await layer.send(InMemoryRequest(), context: &context)
        clock.advance(by: .milliseconds(1))
        layer.finish(&context, .completed)
        // One a bucket of 1 ms each: two under way are more than the service can do, which 30 s each would hide.
        let first = try shedder.admit()
        let second = try shedder.admit()
        let error = #expect(throws: MeshError.self) { _ = try shedder.admit() }
        #expect(error?.reason == .latency)
        first.served()
        second.served()
        #expect(shedder.inFlight == 0 && contract.violations.isEmpty)
    }

    @Test(arguments: [PolicyMode.observe, .disabled])
    func `a layer that does not act lets everything pass`(mode: PolicyMode) async throws {
        let contract = TransportContract(InMemoryTransport([.status(503)], clock: clock))
        let shedder = try shedder(LoadShedderConfiguration(mode: mode))
        share.update { $0 = 1 }
        let layer = LoadSheddingLayer(contract, source: FixedPolicy(shedder))
        var context = CallContext(now: clock.now)
        let status = try await layer.withResponse(to: InMemoryRequest(), context: &context) { $0.statusCode }
        #expect(status == 503 && shedder.inFlight == 0 && contract.violations.isEmpty)
    }
}
