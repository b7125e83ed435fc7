// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Testing

@Suite struct RateLimiterTests {
    private let clock = ManualClock()
    private let configuration = RateLimitConfiguration(maximumTokens: 1, fillInterval: .seconds(1))

    @Test func `it guards any async closure and says when to come again`() async throws {
        let limiter = RateLimiter(configuration, clock: clock)
        #expect(try await limiter.run { 7 } == 7)
        let error = await #expect(throws: MeshError.self) { try await limiter.run { 7 } }
        #expect(error?.code == .rateLimited && error?.retryAfter == .seconds(1))
        #expect(error?.localReply?.status == 429)
        clock.advance(by: .seconds(1))
        #expect(try await limiter.run { 8 } == 8)
    }

    @Test func `the layer refuses before anything is sent`() async throws {
        let network = InMemoryTransport([.status(200)], clock: clock)
        let contract = TransportContract(network)
        let layer = RateLimitLayer(contract, source: FixedPolicy(RateLimiter(configuration, clock: clock)))
        var context = CallContext(now: clock.now)
        let status = try await layer.withResponse(to: InMemoryRequest(), context: &context) { $0.statusCode }
        #expect(status == 200)
        let error = await #expect(throws: MeshError.self) {
            _ = try await layer.send(InMemoryRequest(), context: &context)
        }
        #expect(error?.code == .rateLimited)
        #expect(network.sent.count == 1 && contract.violations.isEmpty)
    }

    @Test func `a configuration names every bound that is broken`() {
        let error = #expect(throws: ConfigurationError.self) {
            try RateLimitConfiguration(maximumTokens: 0, tokensPerFill: -1, fillInterval: .zero).validate()
        }
        #expect(error?.problems.map(\.path) == ["maximumTokens", "tokensPerFill", "fillInterval"])
    }
}
