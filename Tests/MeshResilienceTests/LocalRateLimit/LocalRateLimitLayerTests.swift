// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Testing

@Suite struct LocalRateLimitLayerTests {
    private struct PerUser: LocalRateLimitQuestionSource {
        let limiter: LocalRateLimiter
        var enforced = FractionalPercent.all

        func question(for request: some RequestHead, context: CallContext) -> LocalRateLimitQuestion? {
            let user = request.value(of: "x-user").map { [RateLimitDescriptor([.init("user", $0)])] }
            return LocalRateLimitQuestion(limiter, descriptors: user ?? [], enforced: enforced)
        }

        func refused(_ reply: inout LocalReply, request: some RequestHead, context: CallContext) {
            reply.setValue("yes", for: "x-refused")
        }

        func marked(_ request: inout some RequestHead, context: CallContext) {
            request.setValue("yes", for: "x-marked")
        }
    }

    private typealias Layer = LocalRateLimitLayer<TransportContract<InMemoryTransport>, PerUser>

    private let clock = ManualClock()
    private let observer = RecordingObserver()
    private let network: InMemoryTransport

    init() {
        network = InMemoryTransport([.status(200)], clock: clock)
    }

    private func layer(
        _ configuration: LocalRateLimitConfiguration,
        enforced: FractionalPercent = .all
    ) throws -> Layer {
        let limiter = try LocalRateLimiter(
            configuration,
            name: "route",
            observers: ObserverSet([observer]),
            clock: clock,
            random: MeshRandom(seed: 1)
        )
        return Layer(TransportContract(network), source: PerUser(limiter: limiter, enforced: enforced))
    }

    private func perUser(_ tokens: UInt32, headers: RateLimitHeaders = .off) -> LocalRateLimitConfiguration {
        LocalRateLimitConfiguration(
            limits: [.init([.init("user", "")], bucket: .init(maximumTokens: tokens, fillInterval: .seconds(10)))],
            headers: headers
        )
    }

    private func send(_ layer: Layer, _ headers: [(HeaderName, String)] = [("x-user", "alice")]) async throws
        -> InMemoryResponse
    {
        var context = CallContext(now: clock.now)
        return try await layer.withResponse(to: InMemoryRequest(headers: headers), context: &context) { $0 }
    }

    @Test func `a request above its user's limit is refused as Envoy refuses it`() async throws {
        let layer = try layer(perUser(1))
        _ = try await send(layer)
        let error = await #expect(throws: MeshError.self) { try await send(layer) }
        #expect(error?.code == .rateLimited && error?.shortCode == "RL")
        #expect(
            error?.localReply
                == LocalReply(status: 429, body: "local_rate_limited", headers: [.init("x-refused", "yes")])
        )
        _ = try await send(layer, [("x-user", "bob")])
        clock.advance(by: .seconds(10))
        _ = try await send(layer)
        #expect(network.sent.count == 3)
        #expect(observer.decisions == [PolicyDecision(.rateLimit, name: "route", .refused, because: .limit)])
    }

    @Test func `answers say how much is left, and refusals when there is more`() async throws {
        var configuration = perUser(2, headers: .draft03)
        configuration.sendsRetryAfter = true
        let layer = try layer(configuration)
        let response = try await send(layer)
        #expect(response.value(of: "x-ratelimit-limit") == "2")
        #expect(response.value(of: "x-ratelimit-remaining") == "1")
        #expect(response.value(of: "x-ratelimit-reset") == "0")
        _ = try await send(layer)
        clock.advance(by: .milliseconds(2_500))
        let reply = await #expect(throws: MeshError.self) { try await send(layer) }?.localReply
        #expect(reply?.value(of: "x-ratelimit-remaining") == "0")
        #expect(reply?.value(of: "x-ratelimit-reset") == "8" && reply?.value(of: "retry-after") == "8")
    }

    @Test func `a share that is not enforced is marked and goes on`() async throws {
        let layer = try layer(perUser(0), enforced: .none)
        _ = try await send(layer)
        #expect(network.sent.map { $0.request.value(of: "x-marked") } == ["yes"])
        #expect(observer.decisions.map(\.isEnforced) == [false])
    }

    @Test func `a limit in the shadow never refuses`() async throws {
        var configuration = perUser(0)
        configuration.limits[0].isShadow = true
        let layer = try layer(configuration)
        _ = try await send(layer)
        #expect(network.sent.map { $0.request.value(of: "x-marked") } == [nil])
        #expect(observer.decisions.map(\.isEnforced) == [false])
    }

    @Test(arguments: [(false, "14"), (true, "8")])
    func `gRPC's callers hear of a status of theirs`(isExhausted: Bool, status: String) async throws {
        var configuration = perUser(0)
        configuration.refusesAsResourceExhausted = isExhausted
        let layer = try layer(configuration)
        let headers: [(HeaderName, String)] = [("x-user", "alice"), ("content-type", "application/grpc")]
        let reply = await #expect(throws: MeshError.self) { try await send(layer, headers) }?.localReply
        #expect(reply?.status == 200 && reply?.value(of: "grpc-status") == status)
        #expect(reply?.value(of: "grpc-message") == "local_rate_limited")
    }

    @Test func `disabled it takes nothing and says nothing`() async throws {
        var configuration = perUser(0)
        configuration.mode = .disabled
        let layer = try layer(configuration)
        _ = try await send(layer)
        #expect(observer.decisions.isEmpty)
    }
}
