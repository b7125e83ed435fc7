// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import MeshTesting
import Testing

@testable import ServiceMesh

/// Which failures a route's fallback answers in place of.
@Suite struct RouteFallbackTests {
    @Test(arguments: [MeshError.Origin.downstream, .local, .upstream])
    func `a fallback answers for everybody's errors but the caller's own`(origin: MeshError.Origin) async throws {
        let resources = Given.reviews(
            [
                Route(
                    name: "default",
                    action: Given.forward(to: "v1"),
                    policies: TrafficPolicies(fallback: LocalReply(status: 204))
                )
            ],
            [Given.cluster("v1", ports: [1])]
        )
        let fixture = try MeshFixture(resources) { _, _ in
            .fail(MeshError(.connectionClosed, origin: origin, requestState: .maybeSent, message: "broken"))
        }
        let error = await fixture.send().meshError
        #expect(error?.code == (origin == .downstream ? .connectionClosed : .directResponse))
        #expect(error?.localReply?.status == (origin == .downstream ? nil : 204))
        #expect(fixture.observer.decisions.isEmpty == (origin == .downstream))
    }
}
