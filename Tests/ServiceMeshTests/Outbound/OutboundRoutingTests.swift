// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import MeshTesting
import ServiceMesh
import Testing

@Suite struct OutboundRoutingTests {
    @Test func `traffic is split 75 to 25 over two versions`() async throws {
        let split = try Given.forward([WeightedCluster("v1", weight: 75), WeightedCluster("v2", weight: 25)])
        let fixture = try MeshFixture(
            Given.reviews(
                [Route(action: split)],
                [Given.cluster("v1", ports: [1]), Given.cluster("v2", ports: [2])]
            )
        )
        for _ in 0..<4_000 { await fixture.send() }
        #expect((2_900...3_100).contains(fixture.attemptsByPort[1] ?? 0))
        #expect(fixture.network.sent.count == 4_000 && fixture.isAtRest)
    }

    @Test func `a header takes jason to v2, everybody else to v1`() async throws {
        let jason = RouteMatch(headers: [HeaderMatcher("end-user", .value(StringMatcher(.exact("jason"))))])
        let fixture = try MeshFixture(
            Given.reviews(
                [
                    Route(match: jason, action: Given.forward(to: "v2")),
                    Route(action: Given.forward(to: "v1")),
                ],
                [Given.cluster("v1", ports: [1]), Given.cluster("v2", ports: [2])]
            )
        )
        await fixture.send(InMemoryRequest(headers: [("end-user", "jason")]))
        await fixture.send(InMemoryRequest(headers: [("end-user", "mary")]))
        await fixture.send()
        #expect(fixture.network.sent.map(\.endpoint?.port) == [2, 1, 1])
    }

    @Test func `hosts that the mesh does not know pass through or are refused, by setting`() async throws {
        let open = try MeshFixture(Given.simple())
        #expect(await open.send(InMemoryRequest(authority: "example.com:8080")).value == 200)
        #expect(open.network.sent[0].endpoint == EndpointAddress(host: "example.com", port: 8080))
        #expect(await open.send(InMemoryRequest(scheme: "https", authority: "example.com")).value == 200)
        #expect(open.network.sent[1].endpoint?.port == 443)
        #expect(await open.send(InMemoryRequest(authority: "::")).meshError?.code == .invalidRequest)
        #expect(open.isAtRest && open.observer.requests.count == 3)
        let closed = try MeshFixture(Given.simple(), policy: .registryOnly)
        let error = await closed.send(InMemoryRequest(authority: "example.com")).meshError
        #expect(error?.code == .unknownHost && closed.network.sent.isEmpty)
        #expect(closed.observer.requests.first?.status == 502)
    }

    @Test func `a mesh that is switched off sends every request where its authority says`() async throws {
        let fixture = try MeshFixture(
            Given.simple(fault: FaultConfiguration(abort: .init(status: 500, percentage: .all))),
            policy: .registryOnly,
            isDisabled: true
        )
        #expect(await fixture.send(InMemoryRequest(authority: "reviews:9080")).value == 200)
        #expect(fixture.network.sent[0].endpoint == EndpointAddress(host: "reviews", port: 9080))
        #expect(fixture.contract.violations.isEmpty)
    }

    @Test func `a route to a missing cluster fails with NC, the others go on`() async throws {
        let fixture = try MeshFixture(
            Given.reviews(
                [
                    Route(
                        name: "broken",
                        match: RouteMatch(path: PathMatcher(.prefix("/x"))),
                        action: Given.forward(to: "gone")
                    ),
                    Route(action: Given.forward(to: "v1")),
                ],
                [Given.cluster("v1", ports: [1])]
            )
        )
        let error = await fixture.send(InMemoryRequest(path: "/x")).meshError
        #expect(error?.code == .clusterNotFound && error?.shortCode == "NC")
        #expect(error?.route == "broken" && error?.cluster == "gone")
        #expect(await fixture.send().value == 200)
        #expect(fixture.isAtRest)
    }

    @Test func `a request that no route matches fails with NR`() async throws {
        let route = Route(match: RouteMatch(path: PathMatcher(.exact("/a"))), action: Given.forward(to: "v1"))
        let fixture = try MeshFixture(Given.reviews([route], [Given.cluster("v1", ports: [1])]))
        #expect(await fixture.send().meshError?.code == .noRoute)
        #expect(fixture.observer.requests.first?.flags == [.noRouteFound])
        #expect(fixture.observer.requests.first?.status == 404)
    }

    @Test func `a route may answer by itself`() async throws {
        let reply = LocalReply(status: 301, headers: [.init("location", "/there")])
        let fixture = try MeshFixture(Given.reviews([Route(name: "moved", action: .directResponse(reply))], []))
        let error = await fixture.send().meshError
        #expect(error?.code == .directResponse && error?.localReply == reply && error?.route == "moved")
        let record = try #require(fixture.observer.requests.first)
        #expect(record.status == 301 && record.flags.isEmpty && record.error == nil)
    }

    @Test func `a cluster without endpoints fails with UH`() async throws {
        let fixture = try MeshFixture(Given.simple(ports: []))
        #expect(await fixture.send().meshError?.code == .noHealthyUpstream)
        #expect(fixture.isAtRest)
    }

    @Test func `an asterisk in a listener means the listener's own host`() async throws {
        var resources = Given.simple()
        resources.listeners["ratings:9080"] = Listener(
            name: "ratings:9080",
            routes: .inline(
                RouteConfiguration(
                    name: "r",
                    virtualHosts: [
                        VirtualHost(name: "any", domains: [.any], routes: [Route(action: Given.forward(to: "v1"))])
                    ]
                )
            )
        )
        let fixture = try MeshFixture(resources, policy: .registryOnly)
        #expect(await fixture.send(InMemoryRequest(authority: "ratings")).value == 200)
        #expect(await fixture.send(InMemoryRequest(authority: "ratings:9080")).value == 200)
        #expect(await fixture.send(InMemoryRequest(authority: "other")).meshError?.code == .unknownHost)
    }
}
