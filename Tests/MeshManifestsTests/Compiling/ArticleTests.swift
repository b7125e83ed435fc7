// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshManifests
import MeshResilience
import MeshRouting
import MeshSecurity
import Testing

@Suite("The articles' manifests as they stand")
struct ArticleTests {
    private let delay = FaultConfiguration(
        delay: FaultConfiguration.Delay(duration: .seconds(5), percentage: FractionalPercent(numerator: 10))
    )

    @Test("all of them together have no mistakes")
    func together() throws {
        let compilation = Compilation(try Fixture.articles())
        #expect(!compilation.diagnostics.hasErrors)
        #expect(throws: Never.self) { try compilation.resources.validate() }
    }

    @Test("reviews v2 and v1 share the traffic 25 to 75")
    func rollout() throws {
        let compilation = Compilation(try Fixture.articles("routerule-reviews"))
        let route = try Bookinfo.forward(
            "default/reviews-v2-rollout",
            [(Bookinfo.cluster("reviews", "version=v2"), 25), (Bookinfo.cluster("reviews", "version=v1"), 75)]
        )
        #expect(compilation.routes("reviews") == [route])
        #expect(compilation.ports(Bookinfo.cluster("reviews", "version=v1")) == [1003])
        #expect(compilation.ports(Bookinfo.cluster("reviews", "version=v2")) == [1004])
        #expect(compilation.ports(Bookinfo.cluster("reviews")) == [1003, 1004, 1005])
        #expect(compilation.places.isEmpty)
    }

    @Test("the delay alone sends everything to reviews v1 and delays 10% of it")
    func delayAlone() throws {
        let compilation = Compilation(try Fixture.articles("routerule-ratings"))
        var route = try Bookinfo.forward(
            "default/ratings-delay",
            [(Bookinfo.cluster("reviews", "version=v1"), 100)]
        )
        route.fault = delay
        #expect(compilation.routes("reviews") == [route])
        #expect(compilation.places.isEmpty)
    }

    @Test("with the split, the delay hits the share of reviews v1 and nobody else")
    func delayWithSplit() throws {
        let compilation = Compilation(try Fixture.articles("routerule"))
        let v1 = Bookinfo.cluster("reviews", "version=v1")
        let split = try Bookinfo.forward(
            "default/reviews-v2-rollout",
            [(Bookinfo.cluster("reviews", "version=v2"), 25), (v1, 75)]
        )
        guard case .forward(var forward) = split.action else {
            Issue.record("the route does not forward")
            return
        }
        forward.clusterFaults = [v1: delay]
        #expect(compilation.routes("reviews") == [Route(name: split.name, action: .forward(forward))])
        #expect(compilation.places.isEmpty)
    }

    @Test("Mixer's denier refuses reviews v3 at ratings, by its identity")
    func denier() throws {
        let files = try Fixture.articles("denier")
        let expected = MeshSecurity.AuthorizationPolicy(
            name: "ns[default]-rule[denyreviewsv3]-denier[0]",
            permissions: [.any],
            principals: [
                .anyOf([.authenticated(StringMatcher(.exact("spiffe://mesh.test/ns/default/sa/reviews-v3")))])
            ],
            denialMessage: "Not allowed"
        )
        let ratings = Compilation(files, for: Bookinfo.node("ratings"))
        #expect(ratings.inbound?.filters == [.authorization(AuthorizationRules(action: .deny, policies: [expected]))])
        #expect(ratings.places.isEmpty)
        #expect(Compilation(files, for: Bookinfo.node("details")).inbound?.filters == [])
    }

    @Test("the policy for reviews v2 as a client of ratings v1 balances in turn, for that client only")
    func destinationPolicy() throws {
        let text = try #require(try Fixture.articles("destinationpolicy").first)
        let other = ManifestFile(
            name: text.name,
            text: String(decoding: text.bytes, as: UTF8.self).replacing("ROUND_ROBIN", with: "RANDOM")
        )
        let policies = { (file: ManifestFile, version: String) in
            let resources = Compilation([file], for: Bookinfo.node("reviews", version)).resources
            return ["", "version=v1"].map { resources.clusters[Bookinfo.cluster("ratings", $0)]?.loadBalancing }
        }
        let inTurn = Cluster.LoadBalancing(RoundRobin())
        let drawn = Cluster.LoadBalancing(RandomChoice())
        let usual = Cluster.LoadBalancing(LeastRequest())
        #expect(policies(text, "v2") == [inTurn, inTurn])
        #expect(policies(other, "v2") == [drawn, drawn])
        #expect(policies(text, "v1") == [usual, nil])
        #expect(policies(other, "v3") == [usual, nil])
    }

    @Test("the VirtualService of a gateway leaves traffic between services alone")
    func gateway() throws {
        var foo = Bookinfo.workload("foo", "blue", port: 1008)
        foo.namespace = "bar"
        let compilation = Compilation(try Fixture.articles("virtualservice"), workloads: [foo])
        let host = "foo.bar.svc.cluster.local"
        let route = try Bookinfo.forward("default", [("outbound|9080||\(host)", 1)])
        #expect(compilation.routes(host: host, port: 9080) == [route])
        #expect(compilation.ports("outbound|9080|blue|\(host)") == [1008])
        #expect(compilation.places == ["7:3 MM0501"])
    }

    @Test("the same VirtualService with the mesh among its gateways routes to blue")
    func gatewayAndMesh() throws {
        let file = try #require(try Fixture.articles("virtualservice").first)
        let text = String(decoding: file.bytes, as: UTF8.self)
            .replacing("  gateways:\n", with: "  gateways:\n  - mesh\n")
        var foo = Bookinfo.workload("foo", "blue", port: 1008)
        foo.namespace = "bar"
        let compilation = Compilation(text, workloads: [foo])
        let host = "foo.bar.svc.cluster.local"
        let route = try Bookinfo.forward("bar/foo-vs/1", [("outbound|9080|blue|\(host)", 1)])
        #expect(compilation.routes(host: host, port: 9080) == [route])
        #expect(compilation.places.isEmpty)
    }

    @Test("the annotation takes a workload out of the mesh: no policy, no mutual TLS, and it is reported")
    func optOut() throws {
        let strict = """
            apiVersion: security.istio.io/v1
            kind: PeerAuthentication
            metadata: {name: default, namespace: istio-system}
            spec: {mtls: {mode: STRICT}}
            ---
            apiVersion: security.istio.io/v1
            kind: AuthorizationPolicy
            metadata: {name: nothing}
            spec: {}
            """
        let files = try Fixture.articles("deployment") + [ManifestFile(name: "strict.yaml", text: strict)]
        let workloads = [Bookinfo.workload("foo", "blue", port: 1), Bookinfo.workload("foo", "green", port: 2)]
        let address = workloads[0].address
        let blue = Compilation(
            files,
            workloads: workloads,
            for: Node(labels: workloads[0].labels, inboundAddresses: [address])
        )
        #expect(blue.inbound?.direction == .inbound(address: address, security: .plaintext))
        #expect(blue.inbound?.filters == [])
        #expect(blue.resources.clusters.values.allSatisfy { $0.upstreamSecurity == .plaintext })
        let green = Compilation(
            files,
            workloads: workloads,
            for: Node(labels: workloads[1].labels, inboundAddresses: [workloads[1].address])
        )
        #expect(green.inbound?.direction == .inbound(address: workloads[1].address, security: .mutualTLS))
        #expect(green.inbound?.filters.count == 1)
        let endpoints = green.resources.endpointAssignments[Bookinfo.cluster("foo")]?.localities.flatMap(\.endpoints)
        #expect(endpoints?.map(\.speaksMutualTLS) == [false, true])
        #expect(green.places == ["12:9 MM0502"])
    }
}
