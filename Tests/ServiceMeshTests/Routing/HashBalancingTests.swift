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

/// Which endpoint a request goes to where its hash decides.
@Suite struct HashBalancingTests {
    private static func fixture(
        _ policy: some LoadBalancingPolicy,
        ports: [UInt16] = [1, 2, 3, 4],
        by policies: [HashPolicy] = [HashPolicy(.header("x-user", rewrite: nil))],
        retry: RetryPolicy? = nil,
        answer: @escaping @Sendable (InMemoryTransport.Sent, Int) -> InMemoryTransport.Step = { _, _ in .status(200) }
    ) throws -> MeshFixture {
        var cluster = Given.cluster("v1", ports: ports)
        cluster.loadBalancing = .init(policy)
        let forward = RouteAction.Forward(
            target: .clusters(WeightedClusters(single: "v1")),
            retry: retry,
            hashPolicies: policies
        )
        let resources = Given.reviews([Route(name: "r", action: .forward(forward))], [cluster])
        return try MeshFixture(resources, answer: answer)
    }

    private func ports(_ fixture: MeshFixture, _ headers: (HeaderName, String)...) async -> [UInt16?] {
        let before = fixture.network.sent.count
        await fixture.send(InMemoryRequest(headers: headers.map { (name: $0.0, value: $0.1) }))
        return fixture.network.sent.dropFirst(before).map { $0.endpoint?.port }
    }

    @Test(arguments: [Cluster.LoadBalancing(RingHash()), Cluster.LoadBalancing(Maglev())])
    func `one user is served by one endpoint, users by all`(balancing: Cluster.LoadBalancing) async throws {
        func fixture(_ policy: some LoadBalancingPolicy) throws -> MeshFixture { try Self.fixture(policy) }
        let fixture = try fixture(balancing.policy)
        var seen: Set<UInt16?> = []
        for user in 0..<40 {
            let first = await ports(fixture, ("x-user", "user \(user)"))
            #expect(first.count == 1)
            #expect(await ports(fixture, ("x-user", "user \(user)")) == first)
            seen.formUnion(first)
        }
        #expect(seen == [1, 2, 3, 4])
        #expect(fixture.isAtRest)
    }

    @Test func `without the header requests go anywhere`() async throws {
        let fixture = try Self.fixture(RingHash())
        for _ in 0..<60 { _ = await ports(fixture) }
        #expect(Set(fixture.attemptsByPort.keys) == [1, 2, 3, 4])
    }

    @Test func `an endpoint that comes takes its share of the users, and no more`() async throws {
        // A hundred places each, before and after.
        let before = try Self.fixture(RingHash(minimumSize: 400))
        let after = try Self.fixture(RingHash(minimumSize: 500), ports: [1, 2, 3, 4, 5])
        var moved = 0
        for user in 0..<200 {
            let (old, new) = (await ports(before, ("x-user", "\(user)")), await ports(after, ("x-user", "\(user)")))
            guard old != new else { continue }
            moved += 1
            #expect(new == [5])
        }
        #expect((10...80).contains(moved))
    }

    @Test func `a retry goes to another endpoint where the policy says so, and the same one for each user`()
        async throws
    {
        let retry = Given.retry(attempts: 2)
        let fixture = try Self.fixture(RingHash(), retry: retry) { _, attempt in .status(attempt % 2 == 0 ? 503 : 200) }
        let first = await ports(fixture, ("x-user", "ann"))
        #expect(first.count == 2 && first[0] != first[1])
        #expect(await ports(fixture, ("x-user", "ann")) == first)
    }

    @Test func `a cookie is made only where somebody picks by it`() async throws {
        let policies = [HashPolicy(.cookie(.init("user", lifetime: .seconds(60))))]
        for (policy, expected) in [(Cluster.LoadBalancing(RingHash()), true), (.init(RoundRobin()), false)] {
            func fixture(_ policy: some LoadBalancingPolicy) throws -> MeshFixture {
                try Self.fixture(policy, by: policies)
            }
            let fixture = try fixture(policy.policy)
            let facts = RoutingFacts(random: 0)
            guard case .route(_, _, let route) = fixture.mesh.loadSnapshot().decide(InMemoryRequest(), facts) else {
                Issue.record("no route matches")
                continue
            }
            #expect(route.picksByHash == expected)
        }
    }
}
