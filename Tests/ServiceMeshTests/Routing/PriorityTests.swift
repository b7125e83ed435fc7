// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import MeshTesting
import Testing

@testable import ServiceMesh

/// Which priority of a cluster a request goes to, by the health of its endpoints.
@Suite struct PriorityTests {
    /// Endpoints whose ports begin at 10 times their priority, of such health.
    private static func resources(
        _ priorities: [[HealthStatus]],
        panicThreshold: UInt32 = 50,
        factor: UInt32 = 140,
        outlierDetection: OutlierDetection? = nil,
        retry: RetryPolicy? = nil
    ) -> MeshResources {
        let localities = priorities.enumerated().map { priority, health in
            LocalityEndpoints(
                priority: UInt32(priority),
                endpoints: health.enumerated().map { number, health in
                    ClusterEndpoint(Given.address(UInt16(priority * 10 + number + 1)), health: health)
                }
            )
        }
        let assignment = EndpointAssignment(name: "v1", localities: localities, overprovisioningFactor: factor)
        let cluster = Cluster(
            name: "v1",
            discovery: .fixed(assignment),
            panicThreshold: panicThreshold,
            outlierDetection: outlierDetection
        )
        let forward = RouteAction.Forward(clusters: WeightedClusters(single: "v1"), retry: retry)
        return Given.reviews([Route(name: "r", action: .forward(forward))], [cluster])
    }

    /// Of a thousand requests, to the nearest hundred, how many went to each port.
    private func hundreds(_ fixture: MeshFixture) async -> [UInt16: Int] {
        for _ in 0..<1_000 { await fixture.send() }
        return fixture.attemptsByPort.mapValues { Int((Double($0) / 100).rounded()) }
    }

    @Test func `what a priority lacks goes to the next one`() async throws {
        let all = try MeshFixture(Self.resources([[.healthy, .unknown], [.healthy]]))
        #expect(await hundreds(all) == [1: 5, 2: 5])
        let half = try MeshFixture(Self.resources([[.healthy, .unhealthy], [.healthy]]), seed: 3)
        #expect(await hundreds(half) == [1: 7, 11: 3])
        let none = try MeshFixture(Self.resources([[.draining, .timeout], [.healthy]]))
        #expect(await hundreds(none) == [11: 10])
        let exact = try MeshFixture(Self.resources([[.healthy, .unhealthy], [.healthy]], factor: 100), seed: 3)
        #expect(await hundreds(exact) == [1: 5, 11: 5])
    }

    @Test func `degraded endpoints take what healthy ones leave`() async throws {
        let fixture = try MeshFixture(Self.resources([[.healthy, .degraded]]), seed: 3)
        #expect(await hundreds(fixture) == [1: 7, 2: 3])
    }

    @Test func `in panic all endpoints are used; without it requests fail`() async throws {
        let panics = try MeshFixture(Self.resources([[.healthy, .unhealthy, .unhealthy]]))
        #expect(await hundreds(panics) == [1: 3, 2: 3, 3: 3])
        let calm = try MeshFixture(Self.resources([[.healthy, .unhealthy, .unhealthy]], panicThreshold: 0))
        #expect(await hundreds(calm) == [1: 10])
        let none = try MeshFixture(Self.resources([[.unhealthy, .unhealthy]], panicThreshold: 0))
        let error = await none.send().meshError
        #expect(error?.code == .noHealthyUpstream)
        #expect(error?.message.contains("none of the cluster's 2 endpoints may be used") == true)
        #expect(none.isAtRest)
    }

    @Test func `an ejection moves traffic to the next priority, and its end brings it back`() async throws {
        let detection = OutlierDetection(
            consecutiveFailures: 1,
            baseEjectionTime: .seconds(30),
            maximumEjectionPercent: 100
        )
        let resources = Self.resources([[.healthy], [.healthy]], panicThreshold: 0, outlierDetection: detection)
        let fixture = try MeshFixture(resources) { _, number in .status(number == 0 ? 503 : 200) }
        await fixture.send()
        for _ in 0..<5 { await fixture.send() }
        #expect(fixture.attemptsByPort == [1: 1, 11: 5])
        fixture.clock.advance(by: .seconds(31))
        await fixture.send()
        #expect(fixture.attemptsByPort == [1: 2, 11: 5])
    }

    @Test(arguments: [(nil, [1, 1, 1, 1]), (1, [1, 11, 21, 1]), (2, [1, 1, 11, 11])] as [(Int?, [UInt16])])
    func `retries go on from priority to priority where the policy says so`(
        frequency: Int?,
        expected: [UInt16]
    ) async throws {
        var retry = Given.retry(attempts: 4)
        retry.avoidsPreviousEndpoints = false
        retry.priorityUpdateFrequency = frequency
        let resources = Self.resources([[.healthy], [.healthy], [.healthy]], retry: retry)
        let fixture = try MeshFixture(resources, retryBudget: nil) { _, _ in .status(503) }
        await fixture.send()
        #expect(fixture.network.sent.map { $0.endpoint?.port } == expected)
    }

    @Test func `an explanation says what each priority has`() throws {
        let fixture = try MeshFixture(Self.resources([[.healthy, .unhealthy], [.healthy]]))
        let text = "\(fixture.mesh.explain(InMemoryRequest()))"
        #expect(text.contains("0: 70% of the traffic"))
        #expect(text.contains("1: 30% of the traffic"))
        #expect(text.contains("10.0.0.1:2 unhealthy"))
    }
}
