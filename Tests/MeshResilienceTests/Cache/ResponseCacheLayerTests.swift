// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Testing

@Suite struct ResponseCacheLayerTests {
    private typealias Policy = TransportCache<InMemoryRequest, InMemoryResponse>
    private typealias Contract = TransportContract<InMemoryTransport>
    private typealias Layer = ResponseCacheLayer<Contract, FixedPolicy<Policy>>
    private typealias Sharing = ResponseSharing<InMemoryRequest, InMemoryResponse>

    private struct Stack {
        var layer: Layer
        var policy: Policy
        var contract: Contract
        var network: InMemoryTransport
    }

    private let clock = ManualClock()
    private let observer = RecordingObserver()

    private static let large = InMemoryResponse(200, headers: ["content-length": "101"])

    /// Holds what says that it is 100 bytes long at most.
    private static func collect(_ response: InMemoryResponse) throws -> InMemoryResponse {
        guard response.value(of: "content-length").flatMap({ Int($0) }) ?? 0 <= 100 else {
            throw MeshError(.responseTooLarge, origin: .local, requestState: .answered, message: "too large")
        }
        return response
    }

    private func stack(
        _ script: [InMemoryTransport.Step],
        staleWhileRevalidate: Nanoseconds = .zero,
        mode: PolicyMode = .enforce
    ) throws -> Stack {
        let network = InMemoryTransport(script, clock: clock)
        let contract = Contract(network)
        let policy = try Policy(
            ResponseCacheConfiguration(
                timeToLive: .seconds(10),
                staleIfError: .seconds(20),
                staleWhileRevalidate: staleWhileRevalidate,
                mode: mode
            ),
            sharing: .reads { try Self.collect($0) },
            name: "reviews",
            observers: ObserverSet([observer]),
            clock: clock,
            isCacheable: Sharing.isForEverybody
        )
        let layer = Layer(contract, source: FixedPolicy(policy))
        return Stack(layer: layer, policy: policy, contract: contract, network: network)
    }

    private func send(_ stack: Stack, _ request: InMemoryRequest = InMemoryRequest()) async throws -> InMemoryResponse {
        var context = CallContext(now: clock.now)
        defer {
            #expect(context.openExchanges == 0)
            #expect(context.standIn == nil)
            #expect(stack.contract.violations.isEmpty)
        }
        return try await stack.layer.withResponse(to: request, context: &context) { $0 }
    }

    private var actions: [PolicyDecision.Action] { observer.decisions.map(\.action) }

    @Test func `a response is sent for once and answered from memory`() async throws {
        let first = InMemoryResponse(200, headers: ["x-number": "1"])
        let stack = try stack([.respond(first), .status(204)])
        #expect(try await send(stack) == first)
        #expect(try await send(stack) == first)
        #expect(stack.network.sent.count == 1)
        #expect(stack.policy.count == 1)
        #expect(actions == [.served])
        clock.advance(by: .seconds(10))
        #expect(try await send(stack).statusCode == 204)
        stack.policy.invalidateAll()
        #expect(stack.policy.count == 0)
    }

    @Test(arguments: [InMemoryTransport.Step.status(503), .refuseConnection])
    func `an old response takes the place of an error and of a server's failure`(
        step: InMemoryTransport.Step
    ) async throws {
        let stack = try stack([.status(200), step])
        _ = try await send(stack)
        clock.advance(by: .seconds(15))
        #expect(try await send(stack).statusCode == 200)
        #expect(actions == [.servedStale])
    }

    @Test func `an old response does not come back after another has said that it is gone`() async throws {
        let stack = try stack([.status(200), .status(404), .status(503)])
        #expect(try await send(stack).statusCode == 200)
        clock.advance(by: .seconds(15))
        #expect(try await send(stack).statusCode == 404)
        #expect(stack.policy.count == 0)
        #expect(try await send(stack).statusCode == 503)
        #expect(actions == [])
    }

    @Test func `a response that has grown too large is no failure: it is what everybody gets from now on`() async throws
    {
        let stack = try stack([.status(200), .respond(Self.large)])
        _ = try await send(stack)
        clock.advance(by: .seconds(15))
        #expect(try await send(stack) == Self.large)
        // Once to find out, once for the caller; then nobody asks the memory.
        #expect(stack.network.sent.count == 3 && stack.policy.count == 0)
        #expect(try await send(stack) == Self.large)
        #expect(stack.network.sent.count == 4)
        #expect(actions == [])
    }

    @Test func `a refresh that finds a response too large ends the old one`() async throws {
        let stack = try stack(
            [.status(200), .respondAfter(.seconds(1), Self.large), .respond(Self.large)],
            staleWhileRevalidate: .seconds(5)
        )
        let old = try await send(stack)
        clock.advance(by: .seconds(12))
        #expect(try await send(stack) == old)
        await clock.waitForSleepers()
        clock.advance(by: .seconds(4))
        // Too old to be given at once: this one joins the refresh, or comes after it.
        #expect(try await send(stack) == Self.large)
        #expect(stack.policy.count == 0)
        let sent = stack.network.sent.count
        #expect(try await send(stack) == Self.large)
        #expect(stack.network.sent.count == sent + 1, "nobody asks the memory any more")
    }

    @Test func `a server's failure goes up as it is when nothing is kept, and is not kept`() async throws {
        let stack = try stack([.status(503), .status(200)])
        #expect(try await send(stack).statusCode == 503)
        #expect(try await send(stack).statusCode == 200)
        #expect(actions == [])
    }

    @Test(
        arguments: [
            (InMemoryResponse(404), false), (InMemoryResponse(200, headers: ["set-cookie": "a=b"]), false),
            (InMemoryResponse(200, headers: ["cache-control": "max-age=60, Private"]), false),
            (InMemoryResponse(200, headers: ["cache-control": "no-store"]), false),
            (InMemoryResponse(200, headers: ["cache-control": "no-cache=\"x\""]), false),
            (InMemoryResponse(200, headers: ["cache-control": "max-age=60"]), true),
            (InMemoryResponse(200, headers: ["vary": "*"]), false),
            (InMemoryResponse(200, headers: ["vary": "Accept,\tAccept-Encoding "]), true),
            (InMemoryResponse(200, headers: ["vary": "accept, origin"]), false),
        ]
    )
    func `only what is for everybody is kept`(response: InMemoryResponse, isKept: Bool) async throws {
        #expect(Sharing.isForEverybody(response) == isKept)
        let stack = try stack([.respond(response)])
        _ = try await send(stack)
        #expect(stack.policy.count == (isKept ? 1 : 0))
    }

    @Test func `a request that carries an identity is neither answered from memory nor kept`() async throws {
        let stack = try stack([.status(200)])
        _ = try await send(stack)
        _ = try await send(stack, InMemoryRequest(headers: [("authorization", "Bearer a")]))
        #expect(stack.network.sent.count == 2)
        #expect(stack.policy.count == 1)
        #expect(actions == [])
    }

    @Test func `a caller that is cancelled leaves nothing open`() async throws {
        let stack = try stack([.respondAfter(.seconds(60), InMemoryResponse(200))])
        let caller = Task { try await send(stack) }
        await clock.waitForSleepers()
        caller.cancel()
        await #expect(throws: CancellationError.self) { try await caller.value }
        while clock.sleeperCount > 0 { await Task.yield() }
        #expect(stack.contract.violations.isEmpty)
        #expect(stack.policy.count == 0)
    }

    @Test func `observe-only sends every request, keeps no response and says what it would have answered`() async throws
    {
        let stack = try stack([.status(200), .status(200), .status(503), .refuseConnection], mode: .observe)
        _ = try await send(stack)
        _ = try await send(stack)
        #expect(actions == [.served])
        clock.advance(by: .seconds(15))
        #expect(try await send(stack).statusCode == 503)
        await #expect(throws: MeshError.self) { try await send(stack) }
        #expect(actions == [.served, .servedStale, .servedStale])
        #expect(observer.decisions.allSatisfy { !$0.isEnforced })
        #expect(stack.policy.count == 0)
        #expect(stack.network.sent.count == 4)
    }

    @Test func `disabled, or without a policy, every request is sent`() async throws {
        let stack = try stack([.status(200)], mode: .disabled)
        _ = try await send(stack)
        _ = try await send(stack)
        #expect(stack.network.sent.count == 2)
        let bare = Layer(stack.contract, source: FixedPolicy(nil))
        var context = CallContext(now: clock.now)
        _ = try await bare.withResponse(to: InMemoryRequest(), context: &context) { $0 }
        #expect(stack.network.sent.count == 3)
        #expect(stack.contract.violations.isEmpty)
        #expect(actions == [])
    }
}
