// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshTesting
import Testing

@testable import ServiceMesh

@Suite struct LocalityWeightsTests {
    /// Localities with their weights and those of their endpoints, whose ports count up from 1.
    private func localities(_ groups: [(weight: UInt32?, endpoints: [UInt32])]) -> [LocalityEndpoints] {
        var port: UInt16 = 0
        return groups.enumerated().map { number, group in
            let endpoints = group.endpoints.map { weight -> ClusterEndpoint in
                port += 1
                return ClusterEndpoint(Given.address(port), weight: weight)
            }
            return LocalityEndpoints(
                locality: Locality(region: "\(number)"),
                weight: group.weight,
                endpoints: endpoints
            )
        }
    }

    private func resources(_ groups: [LocalityEndpoints]) -> MeshResources {
        var resources = Given.simple()
        resources.clusters["v1"]?.discovery = .fixed(EndpointAssignment(name: "v1", localities: groups))
        return resources
    }

    /// By port, how much of a thousand requests an endpoint had, to the nearest hundred.
    private func hundreds(_ groups: [LocalityEndpoints]) async throws -> [UInt16: Int] {
        let fixture = try MeshFixture(resources(groups), seed: 3)
        for _ in 0..<1_000 { await fixture.send() }
        return fixture.attemptsByPort.mapValues { Int((Double($0) / 100).rounded()) }
    }

    @Test func `a locality's share of the traffic is its weight`() async throws {
        #expect(try await hundreds(localities([(3, [1, 2]), (2, [1])])) == [1: 2, 2: 4, 3: 4])
    }

    @Test func `endpoints that are not used leave their locality its share while most of it is well`() async throws {
        var groups = localities([(1, [1, 1, 1, 1]), (1, [1])])
        groups[0].endpoints[3].health = .unhealthy
        // Three of four times 1.4 are more than all.
        let shares = try await hundreds(groups)
        #expect(shares[5] == 5 && shares[4] == nil)
    }

    @Test func `no weight is heeded where a locality has none`() async throws {
        #expect(try await hundreds(localities([(nil, [1, 1]), (9, [1, 1])])) == [1: 3, 2: 3, 3: 3, 4: 3])
    }
}
