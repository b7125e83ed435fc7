// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import MeshTesting
import Testing

@testable import ServiceMesh

/// Which cluster a request goes to, where more than chance decides.
@Suite struct ClusterChoiceTests {
    private static func fixture(_ target: ClusterSpecifier, missingStatus: Int = 503) throws -> MeshFixture {
        let forward = RouteAction.Forward(target: target, missingClusterStatus: missingStatus)
        return try MeshFixture(
            Given.reviews(
                [Route(name: "r", action: .forward(forward))],
                [Given.cluster("v1", ports: [1]), Given.cluster("v2", ports: [2])]
            )
        )
    }

    private func port(_ fixture: MeshFixture, _ headers: (HeaderName, String)...) async -> UInt16? {
        let before = fixture.network.sent.count
        await fixture.send(InMemoryRequest(headers: headers.map { (name: $0.0, value: $0.1) }))
        return fixture.network.sent.dropFirst(before).first?.endpoint?.port
    }

    @Test func `a header names the cluster`() async throws {
        let fixture = try Self.fixture(.header("x-cluster"))
        #expect(await port(fixture, ("x-cluster", "v1")) == 1)
        #expect(await port(fixture, ("x-cluster", "v2")) == 2)
        let error = await fixture.send(InMemoryRequest(headers: [("x-cluster", "v3")])).meshError
        #expect(error?.code == .clusterNotFound && error?.cluster == "v3" && error?.route == "r")
        #expect(await fixture.send().meshError?.code == .clusterNotFound)
    }

    @Test(arguments: [404, 500, 503])
    func `the route says what a cluster that does not exist is answered with`(status: Int) async throws {
        let fixture = try Self.fixture(.header("x-cluster"), missingStatus: status)
        let error = await fixture.send().meshError
        #expect(error?.proxyStatus == status)
    }

    @Test func `a header has the number that chooses the share`() async throws {
        let shares = [WeightedCluster("v1", weight: 25), WeightedCluster("v2", weight: 75)]
        let fixture = try Self.fixture(.clusters(try WeightedClusters(shares, choice: .header("x-number"))))
        #expect(await port(fixture, ("x-number", "0")) == 1)
        #expect(await port(fixture, ("x-number", "24")) == 1)
        #expect(await port(fixture, ("x-number", "25")) == 2)
        #expect(await port(fixture, ("x-number", "124")) == 1)
    }

    @Test func `a share's cluster may be named by the request`() async throws {
        let shares = [WeightedCluster("", weight: 1, clusterHeader: "x-cluster"), WeightedCluster("v1", weight: 0)]
        let fixture = try Self.fixture(.clusters(try WeightedClusters(shares)))
        #expect(await port(fixture, ("x-cluster", "v2")) == 2)
        #expect(await fixture.send().meshError?.code == .clusterNotFound)
    }

    @Test func `the hash of the route's policies chooses the share, the same one for the same value`() async throws {
        let shares = [WeightedCluster("v1", weight: 50), WeightedCluster("v2", weight: 50)]
        let forward = RouteAction.Forward(
            target: .clusters(try WeightedClusters(shares, choice: .hash)),
            hashPolicies: [HashPolicy(.header("x-user", rewrite: nil))]
        )
        let fixture = try MeshFixture(
            Given.reviews(
                [Route(name: "r", action: .forward(forward))],
                [Given.cluster("v1", ports: [1]), Given.cluster("v2", ports: [2])]
            )
        )
        var seen: Set<UInt16?> = []
        for user in 0..<20 {
            let first = await port(fixture, ("x-user", "user \(user)"))
            #expect(await port(fixture, ("x-user", "user \(user)")) == first)
            seen.insert(first)
        }
        #expect(seen == [1, 2])
    }
}
