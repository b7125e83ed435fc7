// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import MeshTesting
import Testing

@testable import ServiceMesh

/// Says who asks, below everything that shares answers.
private struct Identity: Middleware {
    func intercept(
        _ request: InMemoryRequest,
        context: inout CallContext,
        next: Next<InMemoryRequest, InMemoryResponse>
    ) async throws -> InMemoryResponse {
        try await next(request, context: &context)
    }
}

/// Response caches and coalescing above attempt middleware, which may add an identity that nobody above has seen.
@Suite struct AttemptMiddlewareSharingTests {
    @Test(arguments: [false, true])
    func `nothing is shared above attempt middleware unless the application allows it`(isAllowed: Bool) async throws {
        let policies = TrafficPolicies(
            responseCache: ResponseCacheConfiguration(timeToLive: .seconds(60)),
            coalescing: CoalescingConfiguration()
        )
        let fixture = try MeshFixture(
            Given.reviews(
                [Route(name: "default", action: Given.forward(to: "v1"), policies: policies)],
                [Given.cluster("v1", ports: [1])]
            ),
            replay: .init(allowsAttemptMiddleware: isAllowed, bytes: { _ in 1 }) { response, _ in response },
            attemptMiddleware: [Identity()]
        )
        for _ in 0..<3 { #expect(await fixture.send().value == 200) }
        #expect(fixture.network.sent.count == (isAllowed ? 1 : 3) && fixture.isAtRest)
        let told = fixture.observer.events.compactMap { event -> String? in
            if case .unexpected("response sharing", let message) = event { message } else { nil }
        }
        #expect(told.count == (isAllowed ? 0 : 1))
        #expect(told.allSatisfy { $0.contains("attempt middleware") })
        let reason =
            "it does not act for 1 of 1 clients, whose stacks were made with attempt middleware and a "
            + "ResponseReplay that does not allow it"
        let facts = fixture.mesh.explain(InMemoryRequest()).facts
        #expect(facts.count { $0.value == reason } == (isAllowed ? 0 : 2))
    }
}
