// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Testing

@Suite struct FallbackLayerTests {
    private typealias Policy = TransportFallback<InMemoryRequest, InMemoryResponse>
    private typealias Contract = TransportContract<InMemoryTransport>

    private let observer = RecordingObserver()
    private let request = InMemoryRequest()

    private func policy(
        to alternative: any Transport<InMemoryRequest, InMemoryResponse>,
        maximumConcurrent: Int = 10,
        mode: PolicyMode = .enforce,
        handlesError: @escaping @Sendable (any Error) -> Bool = { _ in true }
    ) throws -> Policy {
        try TransportFallback(
            FallbackConfiguration(maximumConcurrent: maximumConcurrent, mode: mode),
            to: alternative,
            handlesError: handlesError,
            handlesStatus: { $0 >= 500 },
            name: "reviews",
            observers: ObserverSet([observer])
        )
    }

    /// Sends one request over a stack, whose leaves must have been finished exactly, and gives its status.
    private func status(
        _ layer: some Transport<InMemoryRequest, InMemoryResponse>,
        _ leaves: [Contract]
    ) async throws -> Int {
        var context = CallContext(now: MeshInstant(nanoseconds: 1))
        defer {
            #expect(leaves.flatMap(\.violations).isEmpty)
            #expect(context.openExchanges == 0)
            #expect(context.standIn == nil)
        }
        return try await layer.withResponse(to: request, context: &context) { $0.statusCode }
    }

    @Test(arguments: [InMemoryTransport.Step.refuseConnection, .status(503)])
    func `another transport answers in place of an error or of a failed response`(
        step: InMemoryTransport.Step
    ) async throws {
        let (main, other) = (InMemoryTransport([step]), InMemoryTransport([.status(203)]))
        let leaves = [Contract(main), Contract(other)]
        let layer = FallbackLayer(leaves[0], source: FixedPolicy(try policy(to: leaves[1])))
        #expect(try await status(layer, leaves) == 203)
        #expect(other.openExchanges == 0)
        guard case .completed = other.endings.first else {
            Issue.record("\(other.endings)")
            return
        }
        #expect(observer.decisions == [PolicyDecision(.fallback, name: "reviews", .fellBack, because: .failure)])
    }

    @Test func `a success is not touched`() async throws {
        let (main, other) = (InMemoryTransport([.status(200)]), InMemoryTransport([.status(203)]))
        let leaves = [Contract(main), Contract(other)]
        let layer = FallbackLayer(leaves[0], source: FixedPolicy(try policy(to: leaves[1])))
        #expect(try await status(layer, leaves) == 200)
        #expect(other.sent.isEmpty)
        #expect(observer.decisions == [])
    }

    @Test func `a closure answers`() async throws {
        let main = Contract(InMemoryTransport([.refuseConnection]))
        let answer = LocalAnswer<InMemoryRequest, InMemoryResponse> { InMemoryResponse($0.method == "GET" ? 210 : 500) }
        let layer = FallbackLayer(main, source: FixedPolicy(try policy(to: answer)))
        #expect(try await status(layer, [main]) == 210)
    }

    @Test func `fallbacks within fallbacks each finish what is their own`() async throws {
        let leaves = [Contract(InMemoryTransport([.refuseConnection])), Contract(InMemoryTransport([.status(204)]))]
        let last = LocalAnswer<InMemoryRequest, InMemoryResponse> { _ in InMemoryResponse(211) }
        // Below: the base's own fallback answers, and the layer above has nothing to do.
        let inner = FallbackLayer(leaves[0], source: FixedPolicy(try policy(to: leaves[1])))
        let outer = FallbackLayer(inner, source: FixedPolicy(try policy(to: last)))
        #expect(try await status(outer, leaves) == 204)
        // Beside: the alternative is a stack with a fallback of its own.
        let failing = Contract(InMemoryTransport([.refuseConnection]))
        let beside = FallbackLayer(failing, source: FixedPolicy(try policy(to: last)))
        let top = FallbackLayer(leaves[0], source: FixedPolicy(try policy(to: beside)))
        #expect(try await status(top, leaves + [failing]) == 211)
    }

    @Test func `when the alternative fails too, the request's error carries both`() async throws {
        let leaves = [
            Contract(InMemoryTransport([.refuseConnection])), Contract(InMemoryTransport([.closeConnection])),
        ]
        let layer = FallbackLayer(leaves[0], source: FixedPolicy(try policy(to: leaves[1])))
        let error = await #expect(throws: MeshError.self) { try await status(layer, leaves) }
        #expect(error?.code == .connectionFailed)
        let both = error?.cause as? FallbackFailure
        #expect((both?.original as? MeshError)?.code == .connectionFailed)
        #expect((both?.fallbacks.first as? MeshError)?.code == .connectionClosed)
    }

    @Test func `an error that is not handled goes up as it is`() async throws {
        let leaves = [Contract(InMemoryTransport([.refuseConnection])), Contract(InMemoryTransport([.status(200)]))]
        let policy = try policy(to: leaves[1]) { ($0 as? MeshError)?.code != .connectionFailed }
        let layer = FallbackLayer(leaves[0], source: FixedPolicy(policy))
        let error = await #expect(throws: MeshError.self) { try await status(layer, leaves) }
        #expect(error?.code == .connectionFailed)
        #expect(error?.cause == nil)
    }

    @Test func `over the bound an error is refused, and a failed response is better than none`() async throws {
        let gate = Gate()
        let slow = LocalAnswer<InMemoryRequest, InMemoryResponse> { _ in
            await gate.pass()
            return InMemoryResponse(212)
        }
        let policy = try policy(to: slow, maximumConcurrent: 1)
        let failing = Contract(InMemoryTransport([.refuseConnection]))
        let bad = Contract(InMemoryTransport([.status(503)]))
        let first = FallbackLayer(failing, source: FixedPolicy(policy))
        async let answered = status(first, [])
        await gate.waitForArrivals()
        let error = await #expect(throws: MeshError.self) { try await status(first, [failing]) }
        #expect(error?.code == .overflow)
        #expect(try await status(FallbackLayer(bad, source: FixedPolicy(policy)), [bad]) == 503)
        gate.open()
        #expect(try await answered == 212)
        #expect(policy.running == 0)
    }

    @Test func `a caller that gives up is not answered, and nothing stays open`() async throws {
        let clock = ManualClock()
        let main = InMemoryTransport([.respondAfter(.seconds(60), InMemoryResponse(200))], clock: clock)
        let other = InMemoryTransport([.respondAfter(.seconds(60), InMemoryResponse(200))], clock: clock)
        let leaves = [Contract(main), Contract(other)]
        let policy = try policy(to: leaves[1])
        let layer = FallbackLayer(leaves[0], source: FixedPolicy(policy))
        let early = Task { try await status(layer, leaves) }
        await clock.waitForSleepers()
        early.cancel()
        await #expect(throws: CancellationError.self) { try await early.value }
        #expect(other.sent.isEmpty)

        let failing = Contract(InMemoryTransport([.refuseConnection]))
        let late = Task { try await status(FallbackLayer(failing, source: FixedPolicy(policy)), [failing, leaves[1]]) }
        await clock.waitForSleepers()
        late.cancel()
        await #expect(throws: CancellationError.self) { try await late.value }
        #expect(policy.running == 0)
    }

    @Test(arguments: [PolicyMode.enforce, .observe])
    func `a caller that has given up has the failed response that came, and nobody is asked for another`(
        mode: PolicyMode
    ) async throws {
        let (main, other) = (InMemoryTransport([.status(503)]), InMemoryTransport([.status(203)]))
        let leaves = [Contract(main), Contract(other)]
        let layer = FallbackLayer(leaves[0], source: FixedPolicy(try policy(to: leaves[1], mode: mode)))
        let answered = try await withThrowingTaskGroup(of: Int.self) { group in
            group.cancelAll()
            group.addTask { try await status(layer, leaves) }
            return try await group.next()
        }
        #expect(answered == 503)
        #expect(other.sent.isEmpty && observer.decisions == [])
    }

    @Test(arguments: [PolicyMode.observe, .disabled])
    func `observe-only and disabled change nothing`(mode: PolicyMode) async throws {
        let leaves = [
            Contract(InMemoryTransport([.status(503), .refuseConnection])), Contract(InMemoryTransport([.status(200)])),
        ]
        let layer = FallbackLayer(leaves[0], source: FixedPolicy(try policy(to: leaves[1], mode: mode)))
        #expect(try await status(layer, leaves) == 503)
        await #expect(throws: MeshError.self) { try await status(layer, leaves) }
        #expect(observer.decisions.map(\.isEnforced) == (mode == .observe ? [false, false] : []))
    }

    @Test func `without a policy the request goes straight through`() async throws {
        let main = Contract(InMemoryTransport([.status(503)]))
        let layer = FallbackLayer(main, source: FixedPolicy<Policy>(nil))
        #expect(try await status(layer, [main]) == 503)
    }
}
