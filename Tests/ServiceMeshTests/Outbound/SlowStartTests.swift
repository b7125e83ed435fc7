// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshTesting
import Testing

@testable import ServiceMesh

/// New endpoints of a mesh that runs.
@Suite struct SlowStartTests {
    private func resources(ports: [UInt16], unhealthy: Set<UInt16> = []) -> MeshResources {
        var resources = Given.simple(ports: ports)
        resources.clusters["v1"]?.loadBalancing = .init(RoundRobin(slowStart: SlowStart(window: .seconds(60))))
        let endpoints = ports.map { port in
            var endpoint = ClusterEndpoint(Given.address(port))
            if unhealthy.contains(port) { endpoint.health = .unhealthy }
            return endpoint
        }
        resources.clusters["v1"]?.discovery = .fixed(
            EndpointAssignment(name: "v1", localities: [LocalityEndpoints(endpoints: endpoints)])
        )
        return resources
    }

    private func share(of port: UInt16, in fixture: MeshFixture) async -> Double {
        let before = fixture.attemptsByPort[port] ?? 0
        for _ in 0..<1_000 { await fixture.send() }
        return Double((fixture.attemptsByPort[port] ?? 0) - before) / 1_000
    }

    @Test func `who joins gets its part in the course of the window`() async throws {
        let fixture = try MeshFixture(resources(ports: [1, 2]))
        #expect(abs(await share(of: 1, in: fixture) - 0.5) < 0.01)
        fixture.clock.advance(by: .seconds(100))
        try fixture.mesh.apply(resources(ports: [1, 2, 3]))
        #expect(abs(await share(of: 3, in: fixture) - 0.1 / 2.1) < 0.01)
        fixture.clock.advance(by: .seconds(30))
        #expect(abs(await share(of: 3, in: fixture) - 0.5 / 2.5) < 0.01)
        fixture.clock.advance(by: .seconds(30))
        #expect(abs(await share(of: 3, in: fixture) - 1.0 / 3) < 0.01)
    }

    @Test func `who is healthy again is new, and who stays is not`() async throws {
        let fixture = try MeshFixture(resources(ports: [1, 2, 3], unhealthy: [3]))
        fixture.clock.advance(by: .seconds(100))
        try fixture.mesh.apply(resources(ports: [1, 2, 3]))
        #expect(abs(await share(of: 3, in: fixture) - 0.1 / 2.1) < 0.01)
    }
}
