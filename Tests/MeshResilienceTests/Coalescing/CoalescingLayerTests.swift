// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Testing

@Suite struct CoalescingLayerTests {
    private typealias Policy = TransportCoalescing<InMemoryRequest, InMemoryResponse>
    private typealias Contract = TransportContract<InMemoryTransport>
    private typealias Layer = CoalescingLayer<Contract, FixedPolicy<Policy>>
    private typealias Sharing = ResponseSharing<InMemoryRequest, InMemoryResponse>

    private let clock = ManualClock()
    private let observer = RecordingObserver()

    private struct Stack {
        var layer: Layer
        var policy: Policy
        var contract: Contract
        var network: InMemoryTransport
    }

    private func stack(
        _ script: [InMemoryTransport.Step],
        mode: PolicyMode = .enforce,
        collect: @escaping @Sendable (InMemoryResponse) async throws -> InMemoryResponse = { $0 }
    ) throws -> Stack {
        let network = InMemoryTransport(script, clock: clock)
        let contract = Contract(network)
        let policy = try Policy(
            CoalescingConfiguration(mode: mode),
            sharing: .reads(collect: collect),
            name: "reviews",
            observers: ObserverSet([observer]),
            clock: clock
        )
        let layer = Layer(contract, source: FixedPolicy(policy))
        return Stack(layer: layer, policy: policy, contract: contract, network: network)
    }

    private func send(
        _ stack: Stack,
        _ request: InMemoryRequest = InMemoryRequest(),
        deadline: Deadline = .never
    ) async throws -> Int {
        var context = CallContext(now: clock.now, deadline: deadline)
        defer {
            #expect(context.openExchanges == 0)
            #expect(context.standIn == nil)
        }
        let status = try await stack.layer.withResponse(to: request, context: &context) { $0.statusCode }
        #expect(context.requestState == .answered)
        return status
    }

    @Test func `equal requests that overlap are one, which is read and finished once`() async throws {
        let stack = try stack([.respondAfter(.milliseconds(5), InMemoryResponse(201)), .status(202)])
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<4 { group.addTask { try await send(stack) } }
            await clock.waitForSleepers()
            while observer.decisions.count < 3 { await Task.yield() }
            clock.advance(by: .milliseconds(5))
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses == [201, 201, 201, 201])
        #expect(stack.network.sent.count == 1)
        #expect(stack.contract.violations.isEmpty)
        #expect(try await send(stack) == 202)
        #expect(stack.policy.requests == 0)
    }

    @Test(
        arguments: [
            InMemoryRequest(method: "POST"), InMemoryRequest(headers: [("authorization", "Bearer a")]),
            InMemoryRequest(headers: [("cookie", "a=b")]), InMemoryRequest(headers: [("range", "bytes=0-1")]),
        ]
    )
    func `what is not a plain read shares nothing`(request: InMemoryRequest) async throws {
        let stack = try stack([.respondAfter(.milliseconds(5), InMemoryResponse(200))])
        async let first = send(stack, request)
        async let second = send(stack, request)
        await clock.waitForSleepers(2)
        #expect(stack.network.sent.count == 2)
        clock.advance(by: .milliseconds(5))
        #expect(try await first + second == 400)
        #expect(stack.contract.violations.isEmpty)
        #expect(observer.decisions == [])
    }

    @Test func `requests whose answer may differ are not equal`() async throws {
        let stack = try stack([.respondAfter(.milliseconds(5), InMemoryResponse(200))])
        async let first = send(stack, InMemoryRequest(path: "/a"))
        async let second = send(stack, InMemoryRequest(path: "/b"))
        async let third = send(stack, InMemoryRequest(path: "/a", headers: [("accept-language", "de")]))
        async let fourth = send(stack, InMemoryRequest(method: "HEAD", path: "/a"))
        await clock.waitForSleepers(4)
        clock.advance(by: .milliseconds(5))
        #expect(try await first + second + third + fourth == 800)
    }

    @Test func `an error is everybody's, and a body that breaks is one`() async throws {
        let stack = try stack([.status(200)]) { _ in throw Broken(number: 5) }
        await #expect(throws: Broken(number: 5)) { try await send(stack) }
        #expect(stack.contract.violations.isEmpty)
        guard case .failed = stack.network.endings.first else {
            Issue.record("\(stack.network.endings)")
            return
        }
    }

    @Test func `each caller has its own deadline, and the request has none`() async throws {
        let stack = try stack([.respondAfter(.seconds(60), InMemoryResponse(200))])
        let start = clock.now
        async let impatient = #expect(throws: MeshError.self) {
            try await send(stack, deadline: Deadline(.seconds(1), after: start))
        }
        await clock.waitForSleepers(2)
        async let patient = send(stack)
        while observer.decisions.isEmpty { await Task.yield() }
        clock.advance(by: .seconds(1))
        #expect(await impatient?.code == .deadlineExceeded)
        clock.advance(by: .seconds(59))
        #expect(try await patient == 200)
        #expect(stack.network.sent.first?.deadline == .never)
        #expect(stack.contract.violations.isEmpty)
    }

    @Test func `when the last caller leaves the request is cancelled`() async throws {
        let stack = try stack([.respondAfter(.seconds(60), InMemoryResponse(200))])
        let caller = Task { try await send(stack) }
        await clock.waitForSleepers()
        caller.cancel()
        await #expect(throws: CancellationError.self) { try await caller.value }
        #expect(stack.policy.requests == 0)
        while clock.sleeperCount > 0 { await Task.yield() }
        #expect(stack.contract.violations.isEmpty)
    }

    @Test(arguments: [PolicyMode.observe, .disabled])
    func `observe-only and disabled send every request`(mode: PolicyMode) async throws {
        let stack = try stack([.respondAfter(.milliseconds(5), InMemoryResponse(200))], mode: mode)
        async let first = send(stack)
        async let second = send(stack)
        await clock.waitForSleepers(2)
        clock.advance(by: .milliseconds(5))
        #expect(try await first + second == 400)
        #expect(stack.network.sent.count == 2)
        #expect(stack.contract.violations.isEmpty)
        #expect(observer.decisions.map(\.isEnforced) == (mode == .observe ? [false] : []))
    }

    @Test func `without a policy the request goes straight through`() async throws {
        let contract = Contract(InMemoryTransport([.status(204)]))
        let layer = Layer(contract, source: FixedPolicy(nil))
        var context = CallContext(now: clock.now)
        #expect(try await layer.withResponse(to: InMemoryRequest(), context: &context) { $0.statusCode } == 204)
        #expect(contract.violations.isEmpty)
    }
}
