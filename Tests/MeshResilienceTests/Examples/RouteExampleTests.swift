// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import MeshTesting
import Testing

/// The examples of `Docs/Policies` about what routes bring along, as they stand there; `RepositoryTests` compares them.
@Suite struct RouteExampleTests {
    @Test func `rate limits by descriptors`() async throws {
        let (user, request) = ("ada", InMemoryRequest())
        let service = InMemoryRateLimitService(limit: 1)
        let local = try LocalRateLimiter(
            LocalRateLimitConfiguration(
                bucket: .init(maximumTokens: 1_000, tokensPerFill: 1_000, fillInterval: .seconds(1)),
                limits: [
                    // An empty value stands for every value: a bucket for each user.
                    .init([.init("user", "")], bucket: .init(maximumTokens: 10, fillInterval: .seconds(1)))
                ]
            ),
            name: "search"
        )
        let ruling = local.rule([RateLimitDescriptor([.init("user", user)])])
        guard ruling.verdict != .refused else { throw local.refusal(ruling, of: request) }

        let global = try GlobalRateLimiter(
            GlobalRateLimitConfiguration(domain: "shop", timeout: .milliseconds(20)),
            service: service,
            name: "search"
        )
        let question = RateLimitQuestion(global, descriptors: [RateLimitDescriptor([.init("user", user)])])
        let passage = try await global.ask(question)  // header fields and metadata that the request takes along
        #expect(ruling.verdict == .passed && passage.requestHeaders.isEmpty)
        #expect(service.questions.map(\.domain) == ["shop"])
    }

    @Test func `faults that requests ask for`() throws {
        // Testers say in header fields what their requests are to suffer; of these at most so many in a hundred.
        let testing = FaultConfiguration(
            delay: .init(byHeader: .init(percent: 100)),
            abort: .init(byHeader: .init(percent: 10)),
            responseRate: .init(kibibytesPerSecond: 64, percentage: .init(percent: 1)),
            upstreamCluster: "reviews"
        )
        let injector = try FaultInjector(testing, name: "reviews")
        #expect(injector.name == "reviews")
    }
}
