// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import MeshTesting
import ServiceMesh
import Testing

/// A limit for each value of a header field, on routes, clusters, listeners and servers.
@Suite struct KeyedRateLimitTests {
    private static func policies(mode: PolicyMode = .enforce, rate: Int = 2) -> TrafficPolicies {
        TrafficPolicies(
            keyedRateLimit: HeaderRateLimitConfiguration(
                header: "x-user",
                limit: RateLimitConfiguration(rate: rate, per: .seconds(60), mode: mode)
            )
        )
    }

    private static func resources(
        route: TrafficPolicies = .none,
        cluster: TrafficPolicies = .none,
        listener: TrafficPolicies = .none,
        ports: [UInt16] = [1]
    ) -> MeshResources {
        var v1 = Given.cluster("v1", ports: ports)
        v1.policies = cluster
        let route = Route(name: "default", action: Given.forward(to: "v1"), policies: route)
        return Given.reviews([route], [v1], filters: [.policies(listener)])
    }

    private func statuses(_ fixture: MeshFixture, _ users: [String?]) async -> [Int?] {
        var seen: [Int?] = []
        for user in users {
            var request = InMemoryRequest()
            if let user { request = InMemoryRequest(headers: [("x-user", user)]) }
            seen.append(await fixture.send(request).value)
        }
        return seen
    }

    @Test(arguments: ["default", "v1", "reviews:9080"])
    func `each user has a rate of their own, and who is nobody has none`(place: String) async throws {
        func resources(_ ports: [UInt16]) -> MeshResources {
            let policies = Self.policies()
            return Self.resources(
                route: place == "default" ? policies : .none,
                cluster: place == "v1" ? policies : .none,
                listener: place == "reviews:9080" ? policies : .none,
                ports: ports
            )
        }
        let fixture = try MeshFixture(resources([1]))
        #expect(await statuses(fixture, ["a", "a", "a", "b", nil, nil, nil]) == [200, 200, nil, 200, 200, 200, 200])
        // A push that leaves it alone forgives nobody.
        try fixture.mesh.apply(resources([1, 2]))
        #expect(await statuses(fixture, ["a", "b", "b"]) == [nil, 200, nil])
        let refused = PolicyDecision(.rateLimit, name: place, .refused, because: .limit)
        #expect(fixture.observer.decisions == [refused, refused, refused])
        fixture.clock.advance(by: .seconds(60))
        #expect(await statuses(fixture, ["a"]) == [200])
        #expect(fixture.isAtRest)
    }

    @Test func `the error says that it was the rate, and when to come back`() async throws {
        let fixture = try MeshFixture(Self.resources(route: Self.policies(rate: 1)))
        let request = InMemoryRequest(headers: [("x-user", "a")])
        #expect(await fixture.send(request).value == 200)
        let error = await fixture.send(request).meshError
        #expect(error?.code == .rateLimited && error?.retryAfter != nil)
    }

    @Test func `a limit that observes refuses nobody and says whom it would have refused`() async throws {
        let fixture = try MeshFixture(Self.resources(route: Self.policies(mode: .observe)))
        #expect(await statuses(fixture, ["a", "a", "a"]) == [200, 200, 200])
        #expect(fixture.observer.decisions.map(\.isEnforced) == [false])
    }

    @Test func `explain and describe show it with its field`() throws {
        let fixture = try MeshFixture(Self.resources(cluster: Self.policies()))
        let text = "\(fixture.mesh.explain(InMemoryRequest()))"
        #expect(text.contains("2 per 60.0 seconds for each value of x-user"))
        let stack = try #require(fixture.mesh.describe(InMemoryRequest()).first?.stack)
        #expect(stack.policies.map(\.slot) == [.rateLimit] && "\(stack)".contains("header x-user (cluster v1)"))
        #expect(stack.problems == [])
    }

    @Test func `a server limits each caller before its handler is asked`() async throws {
        let address = EndpointAddress(host: "0.0.0.0", port: 9080)
        let observer = RecordingObserver()
        let mesh = try Mesh(
            MeshConfiguration(observers: [observer]),
            clock: ManualClock(),
            random: MeshRandom(seed: 1)
        )
        let route = Route(name: "all", action: .nonForwarding, policies: Self.policies(rate: 1))
        let host = VirtualHost(name: "all", domains: [.any], routes: [route])
        let listener = Listener(
            name: "inbound",
            direction: .inbound(address: address, security: .plaintext),
            routes: .inline(RouteConfiguration(name: "inbound", virtualHosts: [host]))
        )
        try mesh.apply(MeshResources(listeners: [listener]))
        let stack = InboundStack(mesh: mesh, address: address)
        var refused: [MeshError.Code?] = []
        for user in ["a", "a", "b"] {
            let request = InMemoryRequest(headers: [("x-user", user)])
            var context = stack.begin(request)
            var refusal: MeshError?
            do {
                try await stack.admit(request, peerIdentity: nil, context: &context)
            } catch {
                refusal = error as? MeshError
            }
            refused.append(refusal?.code)
            stack.end(context, status: refusal == nil ? 200 : 429, peerIdentity: nil, error: refusal)
        }
        #expect(refused == [nil, .rateLimited, nil])
        #expect(observer.decisions == [PolicyDecision(.rateLimit, name: "all", .refused, because: .limit)])
        let text = "\(mesh.explain(inbound: InMemoryRequest(), at: address))"
        #expect(text.contains("1 per 60.0 seconds for each value of x-user"))
    }

    @Test func `bad limits are refused with their path`() {
        let bad = TrafficPolicies(
            keyedRateLimit: HeaderRateLimitConfiguration(
                header: "x user",
                limit: RateLimitConfiguration(rate: 0, per: .seconds(1)),
                maximumKeys: 0
            )
        )
        let error = #expect(throws: ConfigurationError.self) { try Self.resources(cluster: bad).validate() }
        let path = "clusters[v1].policies.keyedRateLimit."
        #expect(error?.problems.map(\.path).contains(path + "header") == true)
        #expect(error?.problems.map(\.path).contains(path + "maximumKeys") == true)
    }
}
