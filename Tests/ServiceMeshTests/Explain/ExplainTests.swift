// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import MeshTesting
import ServiceMesh
import Testing

@Suite struct ExplainTests {
    @Test func `an explanation names the route, the cluster, the policies and each endpoint's state`() async throws {
        let fixture = try MeshFixture(
            Given.reviews(
                [
                    Route(match: RouteMatch(path: PathMatcher(.exact("/other"))), action: Given.forward(to: "v1")),
                    Route(
                        name: "default",
                        action: Given.forward(to: "v1", timeout: .seconds(3), retry: Given.retry()),
                        fault: FaultConfiguration(abort: .init(status: 500, percentage: .none)),
                        rateLimit: RateLimitConfiguration(maximumTokens: 10, fillInterval: .seconds(1))
                    ),
                ],
                [
                    Given.cluster(
                        "v1",
                        ports: [1, 2],
                        outlierDetection: OutlierDetection(consecutiveFailures: 1, maximumEjectionPercent: 50)
                    )
                ]
            )
        ) { _, number in number == 0 ? .status(500) : .status(200) }
        await fixture.send(InMemoryRequest(method: "POST"))
        let explanation = fixture.mesh.explain(InMemoryRequest(path: "/x"))
        #expect(explanation.generation == 1)
        #expect(explanation["request"] == "GET reviews /x")
        #expect(explanation["route 0"]?.hasPrefix("passed over: path: is ") == true)
        #expect(explanation["route"] == "default (number 1)")
        #expect(explanation["cluster"] == "v1, weight 1")
        #expect(explanation["timeout"]?.contains("3") == true)
        #expect(explanation["load balancing"] == "round_robin")
        let endpoints = explanation.facts.filter { $0.name == "endpoint" }.map(\.value)
        #expect(endpoints.count == 2)
        #expect(endpoints.contains { $0.contains("healthy") })
        #expect(endpoints.contains { $0.contains("ejected for") })
        #expect(explanation.description.contains("outlier detection"))
        #expect(fixture.network.sent.count == 1)
    }

    @Test func `an explanation says why nothing is sent`() throws {
        let fixture = try MeshFixture(
            Given.reviews(
                [Route(match: RouteMatch(path: PathMatcher(.exact("/a"))), action: Given.forward(to: "gone"))],
                []
            ),
            policy: .registryOnly
        )
        #expect(fixture.mesh.explain(InMemoryRequest()).description.contains("NR"))
        #expect(fixture.mesh.explain(InMemoryRequest(path: "/a")).description.contains("NC"))
        #expect(fixture.mesh.explain(InMemoryRequest(authority: "x")).description.contains("registryOnly"))
        let disabled = try MeshFixture(Given.simple(), isDisabled: true)
        #expect(disabled.mesh.explain(InMemoryRequest())["mesh"]?.contains("MESH_DISABLED") == true)
    }
}
