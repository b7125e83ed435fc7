// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Testing

@Suite struct AdmissionControlLayerTests {
    typealias Layer = AdmissionControlLayer<TransportContract<InMemoryTransport>, FixedPolicy<AdmissionControl>>

    private let clock = ManualClock()
    private let observer = RecordingObserver()

    private func control(_ criteria: AdmissionCriteria = .envoy) throws -> AdmissionControl {
        var configuration = AdmissionControlConfiguration(maximumRefusal: 1, criteria: criteria)
        configuration.algorithm = .successRate(.init(aggression: 1_000))
        let observers = ObserverSet([observer])
        return try AdmissionControl(configuration, observers: observers, clock: clock, random: MeshRandom(seed: 1))
    }

    private func layer(_ steps: [InMemoryTransport.Step], _ control: AdmissionControl?) -> (
        layer: Layer, contract: TransportContract<InMemoryTransport>, network: InMemoryTransport
    ) {
        let network = InMemoryTransport(steps, clock: clock)
        let contract = TransportContract(network)
        return (Layer(contract, source: FixedPolicy(control)), contract, network)
    }

    @Test(arguments: [
        (InMemoryTransport.Step.status(200), false), (.status(404), false), (.status(500), true),
        (.respond(InMemoryResponse(200, headers: ["grpc-status": "14"])), true),
        (.respond(InMemoryResponse(200, headers: ["grpc-status": "5"])), false),
        (.refuseConnection, true), (.closeConnection, true),
    ])
    func `an answer is judged by its head, an error by its origin`(
        step: InMemoryTransport.Step,
        isFailure: Bool
    ) async throws {
        let control = try control()
        let (layer, contract, network) = layer([step], control)
        var context = CallContext(now: clock.now)
        try? await layer.withResponse(to: InMemoryRequest(), context: &context) { _ in }
        #expect((control.refusalShare > 0) == isFailure)
        #expect(context.heldPermits.isEmpty && contract.violations.isEmpty)
        var second = CallContext(now: clock.now)
        let answer = try? await layer.withResponse(to: InMemoryRequest(), context: &second) { $0.statusCode }
        #expect(network.sent.count == (isFailure ? 1 : 2))
        #expect(answer == nil || !isFailure)
    }

    @Test func `a body that breaks is a failure, one that its reader gives up is nothing`() async throws {
        let control = try control()
        let (layer, contract, _) = layer([.status(200)], control)
        var context = CallContext(now: clock.now)
        await #expect(throws: CancellationError.self) {
            try await layer.withResponse(to: InMemoryRequest(), context: &context) { _ in throw CancellationError() }
        }
        #expect(control.refusalShare == 0)
        let broken = MeshError(.connectionClosed, origin: .upstream, message: "")
        await #expect(throws: MeshError.self) {
            try await layer.withResponse(to: InMemoryRequest(), context: &context) { _ in throw broken }
        }
        #expect(control.refusalShare > 0)
        #expect(context.heldPermits.isEmpty && contract.violations.isEmpty)
    }

    @Test func `a request that is cancelled before its answer is nothing`() async throws {
        let control = try control()
        let clock = clock
        let (layer, contract, _) = layer([.respondAfter(.seconds(1), InMemoryResponse(500))], control)
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
        #expect(control.refusalShare == 0 && contract.violations.isEmpty)
    }

    @Test func `row 128: a refusal is not retried, whatever the retry policy names`() async throws {
        let control = try control()
        let (layer, contract, network) = layer([.status(500)], control)
        control.report(.failure)
        let policy = RetryPolicy(
            maximumAttempts: 5,
            conditions: [.serverError, .gatewayError, .reset, .connectFailure, .refusedStream, .resetBeforeRequest]
        )
        let retries = RetryLayer(
            layer,
            source: FixedPolicy(try Retry(policy, budget: nil)),
            clock: clock,
            random: MeshRandom(seed: 1)
        )
        var context = CallContext(now: clock.now)
        let error = await #expect(throws: MeshError.self) {
            _ = try await retries.send(InMemoryRequest(), context: &context)
        }
        #expect(error?.code == .shed && context.attempt == 1)
        #expect(observer.decisions.count == 1 && network.sent.isEmpty && contract.violations.isEmpty)
    }

    @Test func `an answer that a retry discards counts as what it was`() async throws {
        let control = try control()
        let (layer, contract, _) = layer([.status(503), .status(200)], control)
        var context = CallContext(now: clock.now)
        _ = try await layer.send(InMemoryRequest(), context: &context)
        layer.finish(&context, .discarded)
        #expect(control.refusalShare > 0 && contract.violations.isEmpty)
    }

    @Test func `without a control the layer is not there`() async throws {
        let (layer, contract, _) = layer([.status(500)], nil)
        var context = CallContext(now: clock.now)
        for _ in 0..<3 {
            #expect(try await layer.withResponse(to: InMemoryRequest(), context: &context) { $0.statusCode } == 500)
        }
        #expect(contract.violations.isEmpty)
    }
}
