// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import MeshTesting
import Testing

@testable import ServiceMesh

/// Filters of listeners that requests come in by, and what people are told of filters.
@Suite struct InboundFilterTests {
    private static let address = EndpointAddress(host: "0.0.0.0", port: 9080)
    private static let buffer = HTTPFilter.buffer(BufferFilter(maximumRequestBytes: 10))

    private static func local(_ tokens: UInt32) -> LocalRateLimitFilter {
        LocalRateLimitFilter(
            .init(bucket: .init(maximumTokens: tokens, fillInterval: .seconds(60))),
            enabled: RuntimeFraction(.all),
            enforced: RuntimeFraction(.all),
            responseAdditions: [Filtered.addition("x-limit", "local")]
        )
    }

    private func fixture(
        _ filters: [HTTPFilter],
        routes: [Route]?,
        _ service: InMemoryRateLimitService? = nil
    ) throws -> (MeshFixture, InboundStack) {
        let host = routes.map { VirtualHost(name: "own", domains: [.any], routes: $0) }
        let listener = Listener(
            name: "inbound",
            direction: .inbound(address: Self.address, security: .plaintext),
            filters: filters,
            routes: .inline(RouteConfiguration(name: "r", virtualHosts: host.map { [$0] } ?? []))
        )
        let fixture = try MeshFixture(
            MeshResources(listeners: [listener]),
            rateLimitServices: service.map { RateLimitServices($0) } ?? .none
        )
        return (fixture, InboundStack(mesh: fixture.mesh, address: Self.address))
    }

    private func refusal(
        _ stack: InboundStack,
        _ path: String,
        _ headers: [(HeaderName, String)] = []
    ) async -> MeshError? {
        let request = InMemoryRequest(path: path, headers: headers)
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

    @Test(arguments: [true, false])
    func `what comes in above a limit, or is too large, does not reach the handler`(hasRoutes: Bool) async throws {
        let routes = hasRoutes ? [Filtered.route("a")] : nil
        let (_, stack) = try fixture([.localRateLimit(Self.local(1)), Self.buffer], routes: routes)
        #expect(await refusal(stack, "/a", [("content-length", "11")])?.localReply?.status == 413)
        #expect(await refusal(stack, "/a") == nil)
        let limited = await refusal(stack, "/a")
        #expect(limited?.localReply?.status == 429 && limited?.localReply?.value(of: "x-limit") == "local")
    }

    @Test func `the service is asked about what comes in, with the route's descriptors`() async throws {
        let service = InMemoryRateLimitService(limit: 1)
        let actions: [RateLimitAction] = [.header("x-user", key: "user")]
        let filter = GlobalRateLimitFilter(.init(domain: "shop"))
        let route = Filtered.route("a", rateLimits: [RouteRateLimit(actions)])
        let (_, stack) = try fixture([.globalRateLimit(filter)], routes: [route, Filtered.route("b")], service)
        #expect(await refusal(stack, "/a", [("x-user", "alice")]) == nil)
        #expect(await refusal(stack, "/a", [("x-user", "alice")])?.code == .rateLimited)
        #expect(await refusal(stack, "/a", [("x-user", "bob")]) == nil)
        #expect(await refusal(stack, "/a") == nil)
        #expect(await refusal(stack, "/b", [("x-user", "alice")]) == nil)
        #expect(
            service.questions.flatMap(\.descriptors).map(\.description) == ["user=alice", "user=alice", "user=bob"]
        )
    }

    @Test func `a route says what it does not want`() async throws {
        let off = FilterOverrides(localRateLimit: .disabled, buffer: .disabled)
        let (_, stack) = try fixture(
            [.localRateLimit(Self.local(0)), Self.buffer],
            routes: [Filtered.route("a", filters: off), Filtered.route("b")]
        )
        #expect(await refusal(stack, "/a", [("content-length", "99")]) == nil)
        #expect(await refusal(stack, "/b")?.localReply?.status == 429)
    }

    @Test func `people are told of each filter, whose it is, and of a service that is not known`() throws {
        let own = FilterOverrides(localRateLimit: .settings(Self.local(7)))
        let session = StatefulSessionFilter(.header("x-session"), isStrict: true)
        let filters: [HTTPFilter] = [
            .localRateLimit(Self.local(1)), .globalRateLimit(.init(.init(domain: "shop", service: "rls"))), Self.buffer,
            .statefulSession(session),
        ]
        let fixture = try MeshFixture(
            Filtered.resources(filters, routes: [Filtered.route("a", filters: own), Filtered.route("b")])
        )
        func told(_ path: String) -> String {
            fixture.mesh.explain(InMemoryRequest(path: path)).facts
                .filter { $0.name == "filter" }.map(\.value).joined(separator: "\n")
        }
        let text = told("/a")
        #expect(text.contains("local rate limit of route a: 7 at most"))
        #expect(text.contains("buffer: bodies of at most 10 bytes"))
        #expect(text.contains("service rls") && text.contains("does not know the service"))
        #expect(text.contains("stateful session by header x-session, strict"))
        #expect(told("/b").contains("local rate limit of listener reviews:9080: 1 at most"))
    }
}
