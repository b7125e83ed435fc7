// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Testing

@Suite struct GlobalRateLimitLayerTests {
    /// Counts each user.
    private struct PerUser: RateLimitQuestionSource {
        let limiter: GlobalRateLimiter

        func question(for request: some RequestHead, context: CallContext) -> RateLimitQuestion? {
            request.value(of: "x-user").map {
                RateLimitQuestion(limiter, descriptors: [RateLimitDescriptor([.init("user", $0)])])
            }
        }

        func refused(_ reply: inout LocalReply, request: some RequestHead, context: CallContext) {
            reply.setValue("yes", for: "x-refused")
        }
    }

    private typealias Layer = GlobalRateLimitLayer<TransportContract<InMemoryTransport>, PerUser>

    private let network: InMemoryTransport
    private let clock = ManualClock()

    init() {
        network = InMemoryTransport([.status(200)], clock: clock)
    }

    private func layer(
        _ service: InMemoryRateLimitService,
        _ configuration: GlobalRateLimitConfiguration = .init(domain: "shop")
    ) throws -> Layer {
        let limiter = try GlobalRateLimiter(configuration, service: service, clock: clock)
        return Layer(TransportContract(network), source: PerUser(limiter: limiter))
    }

    private func send(_ layer: Layer, _ headers: [(HeaderName, String)]) async throws -> InMemoryResponse {
        var context = CallContext(now: clock.now)
        return try await layer.withResponse(to: InMemoryRequest(headers: headers), context: &context) { $0 }
    }

    @Test func `requests pass until their user's limit is reached, and each user has one`() async throws {
        let layer = try layer(InMemoryRateLimitService(limit: 2))
        for _ in 0..<2 { _ = try await send(layer, [("x-user", "alice")]) }
        let error = await #expect(throws: MeshError.self) { try await send(layer, [("x-user", "alice")]) }
        #expect(error?.code == .rateLimited && error?.localReply?.value(of: "x-refused") == "yes")
        _ = try await send(layer, [("x-user", "bob")])
        _ = try await send(layer, [])
        #expect(network.sent.count == 4)
    }

    @Test func `a request that passes has the service's fields, and so has its answer`() async throws {
        let verdict = RateLimitVerdict(
            responseHeaders: [.init("x-left", "1")],
            requestHeaders: [.init("x-plan", "free")],
            metadata: ["plan": .text("free")]
        )
        let layer = try layer(InMemoryRateLimitService { _, _ in .answer(verdict) })
        var context = CallContext(now: clock.now)
        let request = InMemoryRequest(headers: [("x-user", "alice"), ("x-plan", "own")])
        let response = try await layer.withResponse(to: request, context: &context) { $0 }
        #expect(response.value(of: "x-left") == "1")
        #expect(network.sent[0].request.value(of: "x-plan") == "own,free")
        #expect(context.filterState?.metadata == ["envoy.filters.http.ratelimit": ["plan": .text("free")]])
    }

    @Test func `an answer of the mesh behind it has the service's fields, too`() async throws {
        var refusal = MeshError(.overflow, origin: .local, message: "full")
        refusal.localReply = LocalReply(status: 503)
        let failure = refusal
        let network = InMemoryTransport { _, _ in .fail(failure) }
        let service = InMemoryRateLimitService { _, _ in
            .answer(RateLimitVerdict(responseHeaders: [.init("x-left", "1")]))
        }
        let limiter = try GlobalRateLimiter(.init(domain: "shop"), service: service, clock: clock)
        let layer = Layer(TransportContract(network), source: PerUser(limiter: limiter))
        let error = await #expect(throws: MeshError.self) { try await send(layer, [("x-user", "alice")]) }
        #expect(error?.localReply?.value(of: "x-left") == "1")
    }

    @Test(arguments: [(false, "14"), (true, "8")])
    func `gRPC's callers hear of a status of theirs`(isExhausted: Bool, status: String) async throws {
        let layer = try layer(
            InMemoryRateLimitService(limit: 0),
            .init(domain: "shop", refusesAsResourceExhausted: isExhausted)
        )
        let error = await #expect(throws: MeshError.self) {
            try await send(layer, [("x-user", "alice"), ("content-type", "application/grpc+proto")])
        }
        let reply = error?.localReply
        #expect(reply?.status == 200 && reply?.body == "" && reply?.value(of: "grpc-status") == status)
        #expect(reply?.value(of: "x-envoy-ratelimited") == "true")
    }

    @Test func `a refusal says when to try again, unless the service said so or the status is another`() async throws {
        func retryAfter(status: Int, headers: [LocalReply.Header]) async throws -> String? {
            let statuses = [
                RateLimitVerdict.Status(isOverLimit: true, reset: .milliseconds(3_900)),
                RateLimitVerdict.Status(isOverLimit: false, reset: .seconds(99)),
            ]
            let verdict = RateLimitVerdict(isOverLimit: true, statuses: statuses, responseHeaders: headers)
            let layer = try layer(
                InMemoryRateLimitService { _, _ in .answer(verdict) },
                .init(domain: "shop", refusalStatus: status, sendsRetryAfter: true)
            )
            let error = await #expect(throws: MeshError.self) { try await send(layer, [("x-user", "alice")]) }
            return error?.localReply?.value(of: "retry-after")
        }
        #expect(try await retryAfter(status: 429, headers: []) == "3")
        #expect(try await retryAfter(status: 429, headers: [.init("retry-after", "60")]) == "60")
        #expect(try await retryAfter(status: 503, headers: []) == nil)
    }
}
