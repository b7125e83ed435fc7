// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import MeshTesting
import Testing

@testable import ServiceMesh

/// Which policy counts where a listener, a cluster and a route have one, and those that the application adds to what
/// others configure.
@Suite struct PolicyPlaceTests {
    private static let one = TrafficPolicies(bulkhead: BulkheadConfiguration(maximumConcurrent: 1))

    private static func resources(
        listener: TrafficPolicies,
        route: TrafficPolicies = .none,
        cluster: TrafficPolicies = .none
    ) -> MeshResources {
        var v1 = Given.cluster("v1", ports: [1, 2, 3])
        v1.policies = cluster
        return Given.reviews(
            ["/a", "/b"].map { path in
                Route(
                    name: path,
                    match: RouteMatch(path: PathMatcher(.prefix(path))),
                    action: Given.forward(to: "v1"),
                    policies: route
                )
            },
            [v1],
            filters: [.policies(listener)]
        )
    }

    /// What a request on one route meets while another one is under way on another route.
    private func second(_ resources: MeshResources) async throws -> (result: Int?, error: MeshError.Code?, by: [String])
    {
        let fixture = try MeshFixture(resources) { sent, _ in
            sent.request.path == "/a" ? .respondAfter(.seconds(1), InMemoryResponse(200)) : .status(200)
        }
        async let first = fixture.send(InMemoryRequest(path: "/a")).value
        await fixture.clock.waitForSleepers()
        let second = await fixture.send(InMemoryRequest(path: "/b"))
        fixture.clock.advance(by: .seconds(1))
        #expect(await first == 200)
        #expect(fixture.isAtRest)
        return (second.value, second.meshError?.code, fixture.observer.decisions.map(\.name))
    }

    @Test func `a listener's policy is one for all of its routes`() async throws {
        let seen = try await second(Self.resources(listener: Self.one))
        #expect(seen.error == .overflow)
        #expect(seen.by == ["reviews:9080"])
    }

    @Test func `the policy of a cluster, or of a route, takes its place`() async throws {
        let two = TrafficPolicies(bulkhead: BulkheadConfiguration(maximumConcurrent: 2))
        #expect(try await second(Self.resources(listener: Self.one, cluster: two)).result == 200)
        #expect(try await second(Self.resources(listener: Self.one, route: two)).result == 200)
        let off = TrafficPolicies(bulkhead: BulkheadConfiguration(maximumConcurrent: 1, mode: .disabled))
        #expect(try await second(Self.resources(listener: Self.one, route: off)).result == 200)
        let onCluster = try await second(Self.resources(listener: two, cluster: Self.one))
        #expect(onCluster.error == .overflow)
        #expect(onCluster.by == ["v1"])
    }

    @Test func `hedges of a listener act, and each place is told in the description`() async throws {
        var policies = Self.one
        policies.bulkhead?.maximumConcurrent = 9
        policies.hedging = HedgingConfiguration(delay: .fixed(.milliseconds(10)), ownBudget: nil)
        let fixture = try MeshFixture(
            Self.resources(
                listener: policies,
                route: TrafficPolicies(fallback: LocalReply(status: 200)),
                cluster: TrafficPolicies(circuitBreaker: CircuitBreakerConfiguration())
            )
        ) { _, number in number == 0 ? .respondAfter(.seconds(60), InMemoryResponse(200)) : .status(204) }
        async let answer = fixture.send(InMemoryRequest(path: "/a")).value
        await fixture.clock.waitForSleepers()
        fixture.clock.advance(by: .milliseconds(20))
        #expect(await answer == 204)
        #expect(fixture.observer.decisions.contains { $0.policy == .hedge && $0.name == "reviews:9080" })
        let stack = try #require(fixture.mesh.describe(InMemoryRequest(path: "/a")).first?.stack)
        let places = Dictionary(uniqueKeysWithValues: stack.policies.map { ($0.slot, $0.name) })
        #expect(places[.hedge] == "reviews:9080" && places[.bulkhead] == "reviews:9080")
        #expect(places[.circuitBreaker] == "v1" && places[.fallback] == "/a")
        #expect("\(stack)".contains("(listener reviews:9080)"))
    }

    @Test func `a server's listener protects every route, and says so`() async throws {
        let address = EndpointAddress(host: "0.0.0.0", port: 9080)
        let observer = RecordingObserver()
        let control = AdmissionControlConfiguration(
            algorithm: .successRate(.init(threshold: 1, window: .seconds(10), buckets: 10)),
            maximumRefusal: 1
        )
        for hasRoutes in [true, false] {
            let host = VirtualHost(name: "all", domains: [.any], routes: [Route(name: "r", action: .nonForwarding)])
            let listener = Listener(
                name: "inbound",
                direction: .inbound(address: address, security: .plaintext),
                filters: [.policies(.init(admissionControl: control)), .policies(Self.one)],
                routes: .inline(RouteConfiguration(name: "inbound", virtualHosts: hasRoutes ? [host] : []))
            )
            let mesh = try Mesh(
                MeshConfiguration(observers: [observer]),
                clock: ManualClock(),
                random: MeshRandom(seed: 1)
            )
            try mesh.apply(MeshResources(listeners: [listener]))
            let stack = InboundStack(mesh: mesh, address: address)
            func admit() async -> (CallContext, MeshError?) {
                var context = stack.begin(InMemoryRequest())
                do {
                    try await stack.admit(InMemoryRequest(), peerIdentity: nil, context: &context)
                    return (context, nil)
                } catch {
                    return (context, error as? MeshError)
                }
            }
            let first = await admit()
            let second = await admit()
            #expect(first.1 == nil && second.1?.code == .overflow)
            stack.end(second.0, status: 503, peerIdentity: nil, error: second.1)
            stack.end(first.0, status: 500, peerIdentity: nil, error: nil)
            // The handler failed, which is all that admission control has seen: nearly everything is refused now.
            var shed = 0
            for _ in 0..<40 {
                let next = await admit()
                if next.1?.code == .shed { shed += 1 }
                stack.end(next.0, status: next.1 == nil ? 500 : 503, peerIdentity: nil, error: next.1)
            }
            #expect(shed > 20)
            let text = "\(mesh.explain(inbound: InMemoryRequest(), at: address))"
            #expect(text.contains("bulkhead inbound: ") && text.contains("admission control inbound: "))
        }
    }

    @Test func `an application adds policies to what its sources say, and a mistake keeps the last good ones`()
        async throws
    {
        let limit = RateLimitConfiguration(rate: 1, per: .seconds(60))
        let mesh = try Mesh(
            MeshConfiguration(
                amend: { resources in
                    for name in resources.clusters.keys {
                        resources.clusters[name]?.policies = Self.one
                        if name == "bad" { resources.clusters[name]?.policies.bulkhead?.maximumConcurrent = -1 }
                    }
                    resources.listeners["reviews:9080"]?.filters.append(.rateLimit(limit))
                }
            ),
            clock: ManualClock()
        )
        try mesh.apply(Self.resources(listener: .none))
        let request = InMemoryRequest(path: "/a")
        let stack = try #require(mesh.describe(request).first?.stack)
        #expect(stack.policies.map(\.slot).contains(.bulkhead))
        #expect(stack.policies.map(\.slot).contains(.rateLimit))
        // What it adds is not taken for what a source said, or it would be there twice by now.
        try mesh.apply(MeshResources(), from: "other")
        #expect(mesh.snapshot?.resources.listeners["reviews:9080"]?.filters.count == 2)
        let error = #expect(throws: ConfigurationError.self) {
            try mesh.apply(MeshResources(clusters: [Given.cluster("bad", ports: [1])]), from: "other")
        }
        #expect(error?.problems.map(\.path) == ["clusters[bad].policies.bulkhead.maximumConcurrent"])
        #expect(mesh.snapshot?.generation == 2)
    }
}
