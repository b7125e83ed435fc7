// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Testing

@Suite struct HedgeLayerTests {
    private typealias Stack = HedgeLayer<TransportContract<InMemoryTransport>, FixedPolicy<Hedging>>

    private struct Sent {
        var result: Result<Int, any Error>
        var context: CallContext
    }

    private let clock = ManualClock()
    private let observer = RecordingObserver()

    private func stack(
        _ configuration: HedgingConfiguration?,
        _ answer: @escaping @Sendable (Int) -> InMemoryTransport.Step
    ) throws -> (layer: Stack, contract: TransportContract<InMemoryTransport>, network: InMemoryTransport) {
        let network = InMemoryTransport(clock: clock) { sent, _ in answer(sent.attempt) }
        let contract = TransportContract(network)
        let observers = ObserverSet([observer])
        let hedging = try configuration.map { try Hedging($0, name: "reviews", observers: observers, clock: clock) }
        return (HedgeLayer(contract, source: FixedPolicy(hedging)), contract, network)
    }

    private func send(_ layer: Stack, _ request: InMemoryRequest = InMemoryRequest()) async -> Sent {
        var context = CallContext(now: clock.now)
        do {
            let status = try await layer.withResponse(to: request, context: &context) { $0.statusCode }
            return Sent(result: .success(status), context: context)
        } catch {
            return Sent(result: .failure(error), context: context)
        }
    }

    private func endings(_ network: InMemoryTransport) -> [String] {
        network.endings.map { ending in
            switch ending {
            case .completed: "completed"
            case .discarded: "discarded"
            case .cancelled: "cancelled"
            case .failed: "failed"
            }
        }
    }

    @Test func `row 104: the winner's context is written back and finished once, a late answer is discarded`()
        async throws
    {
        let (layer, contract, network) = try stack(HedgingConfiguration(delay: .fixed(.milliseconds(5)))) { attempt in
            .respondAfter(attempt == 1 ? .milliseconds(60) : .milliseconds(2), InMemoryResponse(200 + attempt))
        }
        async let sent = send(layer)
        await clock.waitForSleepers(2)
        clock.advance(by: .milliseconds(5))
        await clock.waitForSleepers(2)
        clock.advance(by: .milliseconds(2))
        let outcome = await sent
        #expect(try outcome.result.get() == 202)
        #expect(outcome.context.attempt == 2)
        #expect(outcome.context.requestState == .answered)
        #expect(outcome.context.openExchanges == 0)
        #expect(network.sent.map(\.attempt) == [1, 2])
        #expect(endings(network) == ["completed"])
        #expect(contract.violations.isEmpty)
        #expect(observer.decisions.map(\.action) == [.hedged])
    }

    @Test func `row 101: all at once, one answer is handed up and every other is discarded`() async throws {
        let configuration = HedgingConfiguration(maximumAttempts: 4, delay: .fixed(.zero), ownBudget: nil)
        let (layer, contract, network) = try stack(configuration) { _ in .status(200) }
        let outcome = await send(layer)
        #expect(try outcome.result.get() == 200)
        while network.openExchanges > 0 { await Task.yield() }
        #expect(endings(network).filter { $0 == "completed" }.count == 1)
        #expect(endings(network).filter { $0 != "completed" }.allSatisfy { $0 == "discarded" })
        #expect(contract.violations.isEmpty)
    }

    @Test func `a failed answer is discarded when the next attempt is better`() async throws {
        let (layer, contract, network) = try stack(HedgingConfiguration(delay: .afterFailure)) { attempt in
            attempt == 1 ? .status(503) : .status(200)
        }
        #expect(try await send(layer).result.get() == 200)
        #expect(endings(network) == ["discarded", "completed"])
        #expect(contract.violations.isEmpty)
        #expect(observer.decisions.map(\.reason) == [.failure])
    }

    @Test func `row 103: when every answer is a failure the last one goes up as it is`() async throws {
        let configuration = HedgingConfiguration(maximumAttempts: 3, delay: .afterFailure)
        let (layer, contract, network) = try stack(configuration) { .status(500 + $0) }
        let outcome = await send(layer)
        #expect(try outcome.result.get() == 503)
        #expect(endings(network) == ["discarded", "discarded", "completed"])
        #expect(contract.violations.isEmpty)
    }

    @Test func `an error goes up with the context of the attempt that had it`() async throws {
        let (layer, contract, _) = try stack(HedgingConfiguration(delay: .afterFailure)) { _ in .closeConnection }
        let outcome = await send(layer)
        #expect(throws: MeshError.self) { try outcome.result.get() }
        #expect(outcome.context.attempt == 2)
        #expect(outcome.context.requestState == .maybeSent)
        #expect(contract.violations.isEmpty)
    }

    @Test(
        arguments: [
            (InMemoryRequest(method: "POST"), false, 1), (InMemoryRequest(method: "POST"), true, 2),
            (InMemoryRequest(isReplayable: false), true, 1), (InMemoryRequest(), false, 2),
        ]
    )
    func `row 105: only what can be replayed and may be executed twice is hedged`(
        request: InMemoryRequest,
        hedgesNonIdempotent: Bool,
        attempts: Int
    ) async throws {
        let configuration = HedgingConfiguration(delay: .afterFailure, hedgesNonIdempotent: hedgesNonIdempotent)
        let (layer, contract, network) = try stack(configuration) { _ in .status(503) }
        _ = await send(layer, request)
        #expect(network.sent.count == attempts)
        #expect(contract.violations.isEmpty)
    }

    @Test(
        arguments: [
            (nil, [], InMemoryResponse(404), 1), (nil, [], InMemoryResponse(500), 2),
            ([404], [], InMemoryResponse(404), 2), ([404], [], InMemoryResponse(500), 1),
            (nil, [], InMemoryResponse(200, headers: ["grpc-status": "14"]), 1),
            (nil, [14], InMemoryResponse(200, headers: ["grpc-status": "14"]), 2),
            (nil, [14], InMemoryResponse(200, headers: ["grpc-status": "5"]), 1),
            (nil, [], InMemoryResponse(503, headers: ["grpc-retry-pushback-ms": "-1"]), 1),
            (nil, [], InMemoryResponse(503, headers: ["grpc-retry-pushback-ms": "soon"]), 1),
            (nil, [], InMemoryResponse(503, headers: ["grpc-retry-pushback-ms": "0"]), 2),
        ] as [([Int]?, [Int], InMemoryResponse, Int)]
    )
    func `gRPC: a fatal answer ends the call, one that is not is followed by the next attempt`(
        statuses: [Int]?,
        grpcStatuses: [Int],
        response: InMemoryResponse,
        attempts: Int
    ) async throws {
        let configuration = HedgingConfiguration(
            delay: .afterFailure,
            nonFatalStatusCodes: statuses,
            nonFatalGRPCStatusCodes: grpcStatuses
        )
        let (layer, contract, network) = try stack(configuration) { _ in .respond(response) }
        async let sent = send(layer)
        if response.headers["grpc-retry-pushback-ms"] == "0" {
            await clock.waitForSleepers()
            clock.advance(by: .milliseconds(1))
        }
        _ = await sent
        #expect(network.sent.count == attempts)
        #expect(contract.violations.isEmpty)
    }

    @Test(arguments: [1, 2])
    func `a caller that is cancelled leaves nothing open`(attempts: Int) async throws {
        let (layer, contract, network) = try stack(HedgingConfiguration(delay: .fixed(.milliseconds(5)))) { _ in
            .respondAfter(.seconds(60), InMemoryResponse(200))
        }
        let caller = Task { await send(layer) }
        await clock.waitForSleepers(2)
        if attempts == 2 {
            clock.advance(by: .milliseconds(5))
            while network.sent.count < 2 { await Task.yield() }
        }
        caller.cancel()
        let outcome = await caller.value
        #expect(throws: CancellationError.self) { try outcome.result.get() }
        #expect(outcome.context.requestState == .maybeSent)
        #expect(network.openExchanges == 0)
        #expect(network.endings.isEmpty)
        #expect(contract.violations.isEmpty)
    }

    @Test func `a failed answer that was kept in case is discarded when the caller is cancelled`() async throws {
        let (layer, contract, network) = try stack(HedgingConfiguration(delay: .afterFailure)) { attempt in
            attempt == 1 ? .status(503) : .respondAfter(.seconds(60), InMemoryResponse(200))
        }
        let caller = Task { await send(layer) }
        await clock.waitForSleepers()
        #expect(network.openExchanges == 1)
        caller.cancel()
        let outcome = await caller.value
        #expect(throws: CancellationError.self) { try outcome.result.get() }
        while network.openExchanges > 0 { await Task.yield() }
        #expect(endings(network) == ["discarded"])
        #expect(contract.violations.isEmpty)
    }

    @Test(arguments: [PolicyMode.observe, .disabled])
    func `observe-only and disabled send once`(mode: PolicyMode) async throws {
        let (layer, contract, network) = try stack(HedgingConfiguration(delay: .fixed(.zero), mode: mode)) { _ in
            .status(200)
        }
        let outcome = await send(layer)
        #expect(try outcome.result.get() == 200)
        #expect(network.sent.count == 1)
        #expect(contract.violations.isEmpty)
        #expect(observer.decisions.map(\.isEnforced) == (mode == .observe ? [false] : []))
    }

    @Test func `without a policy the request goes straight through`() async throws {
        let (layer, contract, network) = try stack(nil) { _ in .status(503) }
        #expect(try await send(layer).result.get() == 503)
        #expect(network.sent.count == 1)
        #expect(contract.violations.isEmpty)
    }

    @Test func `the attempts of a request go on counting under a retry`() async throws {
        let (layer, _, network) = try stack(HedgingConfiguration(delay: .afterFailure)) { _ in .status(503) }
        var context = CallContext(now: clock.now)
        context.attempt = 3
        _ = try await layer.send(InMemoryRequest(), context: &context)
        layer.finish(&context, .completed)
        #expect(network.sent.map(\.attempt) == [3, 4])
        #expect(context.attempt == 4)
    }

    @Test func `an attempt that fails when the deadline has passed is followed by no other`() async throws {
        let (layer, _, network) = try stack(HedgingConfiguration(delay: .afterFailure)) { _ in
            .respondAfter(.seconds(60), InMemoryResponse(200))
        }
        let start = CallContext(now: clock.now, deadline: Deadline(.seconds(1), after: clock.now))
        let request = Task {
            var context = start
            return await #expect(throws: MeshError.self) {
                try await layer.withResponse(to: InMemoryRequest(), context: &context) { $0.statusCode }
            }
        }
        await clock.waitForSleepers()
        clock.advance(by: .seconds(1))
        #expect(await request.value?.code == .deadlineExceeded)
        #expect(network.sent.count == 1 && observer.decisions.isEmpty)
    }

    @Test func `a peer that asks to wait beyond the deadline gets no further attempt, and keeps nobody waiting`()
        async throws
    {
        let clock = SteppingClock()
        let network = InMemoryTransport(clock: clock) { _, _ in
            .fail(
                MeshError(
                    .connectionClosed,
                    origin: .upstream,
                    requestState: .maybeSent,
                    message: "overloaded",
                    retryAfter: .seconds(3600)
                )
            )
        }
        let hedging = try Hedging(HedgingConfiguration(delay: .afterFailure), clock: clock)
        let layer = HedgeLayer(network, source: FixedPolicy(hedging))
        var context = CallContext(now: clock.now, deadline: Deadline(.seconds(1), after: clock.now))
        let error = await #expect(throws: MeshError.self) {
            try await layer.send(InMemoryRequest(), context: &context)
        }
        #expect(error?.code == .connectionClosed)
        #expect(network.sent.count == 1 && clock.waits.isEmpty)
    }
}
