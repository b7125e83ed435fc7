// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import MeshTesting
import ServiceMesh
import Testing

@Suite struct InboundRouteTests {
    private let address = EndpointAddress(host: "0.0.0.0", port: 9080)

    private func fixture(
        _ routes: [Route],
        domains: [DomainPattern] = [.any],
        filters: [HTTPFilter] = []
    ) throws -> (MeshFixture, InboundStack) {
        let listener = Listener(
            name: "inbound",
            direction: .inbound(address: address, security: .plaintext),
            filters: filters,
            routes: .inline(
                RouteConfiguration(
                    name: "r",
                    virtualHosts: [VirtualHost(name: "own", domains: domains, routes: routes)]
                )
            )
        )
        let fixture = try MeshFixture(MeshResources(listeners: [listener]))
        return (fixture, InboundStack(mesh: fixture.mesh, address: address))
    }

    private func admit(_ stack: InboundStack, _ path: String, authority: String = "reviews") async -> MeshError? {
        let request = InMemoryRequest(authority: authority, path: path)
        var context = stack.begin(request)
        var refusal: MeshError?
        do {
            try await stack.admit(request, peerIdentity: nil, context: &context)
        } catch {
            refusal = error as? MeshError
        }
        stack.end(context, status: refusal?.localReply?.status ?? 200, peerIdentity: nil, error: refusal)
        return refusal
    }

    private func route(
        _ prefix: String,
        _ action: RouteAction = .nonForwarding,
        fault: FaultConfiguration? = nil,
        rateLimit: RateLimitConfiguration? = nil
    ) -> Route {
        Route(
            name: prefix,
            match: RouteMatch(path: PathMatcher(.prefix(prefix))),
            action: action,
            fault: fault,
            rateLimit: rateLimit
        )
    }

    @Test func `a route's own fault and limit stand in for the listener's`() async throws {
        let teapot = FaultConfiguration(abort: .init(status: 418, percentage: .all))
        let one = RateLimitConfiguration(maximumTokens: 1, fillInterval: .seconds(1))
        let two = RateLimitConfiguration(maximumTokens: 2, tokensPerFill: 2, fillInterval: .seconds(1))
        let (_, stack) = try fixture(
            [route("/tea", fault: teapot), route("/slow", rateLimit: one), route("/")],
            filters: [.rateLimit(two)]
        )
        #expect(await admit(stack, "/tea")?.localReply?.status == 418)
        #expect(await admit(stack, "/slow") == nil)
        #expect(await admit(stack, "/slow")?.localReply?.status == 429)
        #expect(await admit(stack, "/other") == nil)
        #expect(await admit(stack, "/other") == nil)
        #expect(await admit(stack, "/other")?.localReply?.status == 429)
    }

    @Test func `a route that answers does so, and one that forwards leads to the handler`() async throws {
        let forward = RouteAction.forward(.init(clusters: WeightedClusters(single: "own")))
        let (fixture, stack) = try fixture([
            route("/gone", .directResponse(LocalReply(status: 410, body: "gone"))), route("/", forward),
        ])
        let answer = await admit(stack, "/gone")
        #expect(answer?.localReply == LocalReply(status: 410, body: "gone"))
        #expect(await admit(stack, "/here") == nil)
        let records = fixture.observer.requests
        #expect(records.map(\.status) == [410, 200])
        #expect(records.allSatisfy { $0.error == nil && $0.flags.isEmpty })
    }

    @Test func `what no route takes is refused with 404 and the flag NR`() async throws {
        let (fixture, stack) = try fixture([route("/api/")], domains: [.exact("reviews")])
        #expect(await admit(stack, "/api/1") == nil)
        #expect(await admit(stack, "/other")?.localReply?.status == 404)
        #expect(await admit(stack, "/api/1", authority: "ratings")?.localReply?.status == 404)
        let records = fixture.observer.requests
        #expect(records.map(\.status) == [200, 404, 404])
        #expect(records.map(\.flags) == [[], [.noRouteFound], [.noRouteFound]])
    }

    @Test func `an explanation names the route and what it does`() async throws {
        let one = RateLimitConfiguration(maximumTokens: 1, fillInterval: .seconds(1))
        let (fixture, stack) = try fixture([
            route("/gone", .directResponse(LocalReply(status: 410))), route("/slow", rateLimit: one),
        ])
        func explain(_ path: String) -> Explanation {
            fixture.mesh.explain(inbound: InMemoryRequest(path: path), at: address)
        }
        #expect(explain("/gone")["action"] == "answered with 410")
        #expect(explain("/slow")["route"] == "/slow (number 1)")
        #expect(explain("/slow")["action"] == "the handler serves it")
        #expect(explain("/slow")["rate limit"]?.hasPrefix("1 per") == true)
        #expect(explain("/else")["route"] == "none matches: the request is refused with 404")
        // Nothing was taken from the limit by explaining it.
        #expect(await admit(stack, "/slow") == nil)
    }
}
