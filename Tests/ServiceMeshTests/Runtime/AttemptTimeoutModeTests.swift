// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import MeshTesting
import Testing

@testable import ServiceMesh

/// The timeout of attempts is one of the retries' settings, and does no more than they do.
@Suite struct AttemptTimeoutModeTests {
    @Test(arguments: [
        (PolicyMode.observe, PolicyMode.enforce, PolicyMode.observe), (.disabled, .enforce, .disabled),
        (.enforce, .observe, .observe), (.observe, .disabled, .disabled), (.disabled, .observe, .disabled),
    ])
    func `an attempt is not cut short where no retry would follow, which explain says`(
        retries: PolicyMode,
        timeout: PolicyMode,
        effective: PolicyMode
    ) async throws {
        var retry = Given.retry(perTryTimeout: .milliseconds(100))
        retry.mode = retries
        let forward = RouteAction.Forward(
            clusters: WeightedClusters(single: "v1"),
            retry: retry,
            perTryTimeoutMode: timeout
        )
        let fixture = try MeshFixture(
            Given.reviews([Route(name: "default", action: .forward(forward))], [Given.cluster("v1", ports: [1])])
        ) { _, _ in .respondAfter(.seconds(1), InMemoryResponse(200)) }
        async let answer = fixture.send()
        await fixture.clock.waitForSleepers()
        fixture.clock.advance(by: .seconds(1))
        #expect(await answer.value == 200)
        #expect(fixture.network.sent.count == 1 && fixture.isAtRest)
        let facts = fixture.mesh.explain(InMemoryRequest()).facts
        #expect(facts.contains { $0.name == "retry" && $0.value.contains(" each [\(effective.rawValue)]") })
    }
}
