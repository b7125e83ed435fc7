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

    private func weights(_ groups: [(weight: UInt32?, endpoints: [UInt32])]) -> [[UInt32]] {
        LocalityWeights.endpointWeights(of: localities(groups))
    }

    private func resources(_ groups: [LocalityEndpoints]) -> MeshResources {
        var resources = Given.simple()
        resources.clusters["v1"]?.discovery = .fixed(EndpointAssignment(name: "v1", localities: groups))
        return resources
    }

    @Test func `a locality's share of the traffic is its weight`() async throws {
        let fixture = try MeshFixture(resources(localities([(3, [1, 1]), (1, [1])])))
        for _ in 0..<800 { await fixture.send() }
        #expect(fixture.attemptsByPort == [1: 300, 2: 300, 3: 200])
    }

    @Test func `endpoints that are not used leave their locality its share`() async throws {
        var groups = localities([(1, [1, 1, 1]), (1, [1])])
        groups[0].endpoints[2].health = .unhealthy
        let fixture = try MeshFixture(resources(groups))
        for _ in 0..<400 { await fixture.send() }
        #expect(fixture.attemptsByPort == [1: 100, 2: 100, 4: 200])
    }

    @Test func `weights are exact where they can be`() {
        #expect(weights([(3, [1, 1]), (1, [1])]) == [[3, 3], [2]])
        #expect(weights([(1, [1, 2]), (1, [5])]) == [[5, 10], [15]])
        #expect(weights([(0, [1]), (1, [1])]) == [[1], [1]])
        // What does not fit is reduced first.
        #expect(weights([(4_000_000_000, [2, 2]), (200_000_000, [3])]) == [[10, 10], [1]])
    }

    @Test func `nothing changes where localities weigh what their endpoints do, or nothing, or stand alone`() {
        #expect(weights([(4, [2, 2]), (7, [7])]) == [[2, 2], [7]])
        #expect(weights([(nil, [2, 2]), (nil, [7])]) == [[2, 2], [7]])
        #expect(weights([(nil, [2, 2]), (9, [7])]) == [[2, 2], [7]])
        #expect(weights([(9, [2, 6])]) == [[2, 6]])
        #expect(weights([]).isEmpty)
    }

    @Test func `weights that do not fit are rounded, and none to nothing`() {
        let rounded = weights([(2, [4_294_967_291, 4_294_967_279]), (1, [4_294_967_231, 3])])
        let sums = rounded.map { $0.reduce(0.0) { $0 + Double($1) } }
        #expect(abs(sums[0] / sums[1] - 2) < 0.000_001)
        #expect(rounded[1][1] >= 1)
    }
}
