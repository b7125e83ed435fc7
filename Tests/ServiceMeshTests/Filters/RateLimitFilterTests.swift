// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import MeshTesting
import Testing

@testable import ServiceMesh

/// Rate limits by descriptors, asked on the way of real requests.
@Suite struct RateLimitFilterTests {
    private static let everyone = RuntimeFraction(.all)

    private static func local(
        _ tokens: UInt32,
        limits: [LocalRateLimitConfiguration.Limit] = [],
        rateLimits: [RouteRateLimit] = [],
        hostLimits: HostRateLimits = .override
    ) -> LocalRateLimitFilter {
        LocalRateLimitFilter(
            LocalRateLimitConfiguration(
                bucket: .init(maximumTokens: tokens, fillInterval: .seconds(60)),
                limits: limits
            ),
            rateLimits: rateLimits,
            hostLimits: hostLimits,
            enabled: everyone,
            enforced: everyone
        )
    }

    private static func bucket(_ value: String, tokens: UInt32) -> LocalRateLimitConfiguration.Limit {
        .init([.init("generic_key", value)], bucket: .init(maximumTokens: tokens, fillInterval: .seconds(60)))
    }

    private func fixture(
        _ resources: MeshResources,
        _ service: InMemoryRateLimitService? = nil
    ) throws -> MeshFixture {
        try MeshFixture(resources, rateLimitServices: service.map { RateLimitServices($0) } ?? .none)
    }

    /// How many of so many requests pass.
    private func passed(_ fixture: MeshFixture, _ path: String, of count: Int) async -> Int {
        var passed = 0
        for _ in 0..<count where await fixture.refusal(path) == nil { passed += 1 }
        return passed
    }

    @Test func `routes of a listener share its bucket, and a place with settings has one of its own`() async throws {
        let own = FilterOverrides(localRateLimit: .settings(Self.local(1)))
        let fixture = try fixture(
            Filtered.resources(
                [.localRateLimit(Self.local(3))],
                routes: [
                    Filtered.route("a"), Filtered.route("b"), Filtered.route("own", filters: own),
                    Filtered.route("off", filters: FilterOverrides(localRateLimit: .disabled)),
                    Filtered.route("share", share: own, filters: FilterOverrides(localRateLimit: .disabled)),
                ]
            )
        )
        #expect(await passed(fixture, "/a", of: 2) == 2)
        #expect(await passed(fixture, "/b", of: 3) == 1)
        #expect(await passed(fixture, "/own", of: 3) == 1)
        #expect(await passed(fixture, "/off", of: 5) == 5)
        #expect(await passed(fixture, "/share", of: 3) == 1)
        #expect(fixture.isAtRest)
    }

    @Test func `the most specific place that says something counts`() async throws {
        func settings(_ tokens: UInt32) -> FilterOverrides {
            FilterOverrides(localRateLimit: .settings(Self.local(tokens)))
        }
        let fixture = try fixture(
            Filtered.resources(
                [.localRateLimit(Self.local(1))],
                routes: [
                    Filtered.route("host"), Filtered.route("route", filters: settings(4)),
                    Filtered.route("share", share: settings(5), filters: settings(4)),
                ],
                host: settings(3),
                table: settings(2)
            )
        )
        #expect(await passed(fixture, "/host", of: 9) == 3)
        #expect(await passed(fixture, "/route", of: 9) == 4)
        #expect(await passed(fixture, "/share", of: 9) == 5)
        let table = try self.fixture(
            Filtered.resources([.localRateLimit(Self.local(1))], routes: [Filtered.route("a")], table: settings(2))
        )
        #expect(await passed(table, "/a", of: 9) == 2)
    }

    @Test func `what a listener does not have, no place switches on`() async throws {
        let own = FilterOverrides(
            localRateLimit: .settings(Self.local(0)),
            buffer: .settings(BufferFilter(maximumRequestBytes: 1))
        )
        let fixture = try fixture(Filtered.resources([], routes: [Filtered.route("a", filters: own)]))
        #expect(await fixture.refusal("/a", [("content-length", "9")]) == nil)
    }

    @Test func `descriptors of routes, hosts and the filter choose buckets`() async throws {
        let limits = [Self.bucket("route", tokens: 2), Self.bucket("host", tokens: 1)]
        let filter = Self.local(100, limits: limits)
        let routes = [
            Filtered.route("route", rateLimits: [Filtered.limit("route")]),
            Filtered.route("host"),
            Filtered.route("stage", rateLimits: [Filtered.limit("route", stage: 1)]),
            Filtered.route("key", rateLimits: [Filtered.limit("route", key: "k")]),
        ]
        let fixture = try fixture(
            Filtered.resources([.localRateLimit(filter)], routes: routes, hostRateLimits: [Filtered.limit("host")])
        )
        #expect(await passed(fixture, "/route", of: 5) == 2)
        #expect(await passed(fixture, "/host", of: 5) == 1)
        #expect(await passed(fixture, "/stage", of: 5) == 5)
        #expect(await passed(fixture, "/key", of: 5) == 5)
        let embedded = Self.local(100, limits: limits, rateLimits: [Filtered.limit("host")])
        let second = try self.fixture(Filtered.resources([.localRateLimit(embedded)], routes: routes))
        #expect(await passed(second, "/route", of: 5) == 1)
    }

    @Test func `a push that leaves the buckets alone does not fill them`() async throws {
        let resources = Filtered.resources([.localRateLimit(Self.local(2))], routes: [Filtered.route("a")])
        let fixture = try fixture(resources)
        #expect(await passed(fixture, "/a", of: 2) == 2)
        var changed = resources
        changed.clusters["v3"] = Given.cluster("v3", ports: [9])
        try fixture.mesh.apply(changed)
        #expect(await passed(fixture, "/a", of: 2) == 0)
    }

    @Test func `a refusal and a marked request have the filter's fields`() async throws {
        var filter = Self.local(0)
        filter.responseAdditions = [Filtered.addition("x-limit", "local")]
        let fixture = try fixture(Filtered.resources([.localRateLimit(filter)], routes: [Filtered.route("a")]))
        let error = await fixture.refusal("/a")
        #expect(error?.localReply?.status == 429 && error?.localReply?.value(of: "x-limit") == "local")
        filter.enforced = RuntimeFraction(.none)
        filter.requestAdditions = [Filtered.addition("x-limited", "yes")]
        let marking = try self.fixture(Filtered.resources([.localRateLimit(filter)], routes: [Filtered.route("a")]))
        #expect(await marking.refusal("/a") == nil)
        #expect(marking.network.sent.map { $0.request.value(of: "x-limited") } == ["yes"])
    }

    @Test func `nobody is asked while the filter is not enabled`() async throws {
        let service = InMemoryRateLimitService(limit: 0)
        var global = GlobalRateLimitFilter(.init(domain: "shop", service: "rls"))
        global.enabled = RuntimeFraction(.none)
        var local = Self.local(0)
        local.enabled = RuntimeFraction(.none)
        let route = Filtered.route("a", rateLimits: [Filtered.limit("a")])
        let fixture = try fixture(
            Filtered.resources([.localRateLimit(local), .globalRateLimit(global)], routes: [route]),
            service
        )
        #expect(await fixture.refusal("/a") == nil && service.questions.isEmpty)
    }

    @Test func `the service is asked with what routes and hosts say`() async throws {
        let service = InMemoryRateLimitService(limit: 100)
        let filter = GlobalRateLimitFilter(.init(domain: "shop", service: "rls"), stage: 1)
        let override = FilterOverrides(
            globalRateLimit: .settings(.init(hostLimits: .include, domain: "other"))
        )
        let own = FilterOverrides(globalRateLimit: .settings(.init(rateLimits: [Filtered.limit("own")])))
        let routes = [
            Filtered.route("a", rateLimits: [Filtered.limit("a", stage: 1), Filtered.limit("no")]),
            Filtered.route("b"),
            Filtered.route("c", rateLimits: [Filtered.limit("c", stage: 1)], filters: override),
            Filtered.route("d", rateLimits: [Filtered.limit("d", stage: 1)], includesHost: true),
            Filtered.route("e", filters: own),
            Filtered.route("f", filters: FilterOverrides(globalRateLimit: .disabled)),
        ]
        let fixture = try fixture(
            Filtered.resources(
                [.globalRateLimit(filter)],
                routes: routes,
                hostRateLimits: [Filtered.limit("host", stage: 1)]
            ),
            service
        )
        for name in ["a", "b", "c", "d", "e", "f"] { _ = try await fixture.respond("/\(name)") }
        let asked = service.questions.map { question in
            question.domain + ":" + question.descriptors.map { $0.entries[0].value }.joined(separator: "+")
        }
        #expect(asked == ["shop:a", "shop:host", "other:c+host", "shop:d+host", "shop:own"])
        #expect(fixture.isAtRest)
    }

    @Test func `clusters, headers and notes of the mesh stand in descriptors`() async throws {
        let service = InMemoryRateLimitService(limit: 100)
        let actions: [RateLimitAction] = [
            .sourceCluster, .destinationCluster, .header("x-user", key: "user"),
            .text(.init(try HeaderFormat("%REQ(:METHOD)% %ROUTE_NAME%"))),
        ]
        let route = Filtered.route("a", to: "v2", rateLimits: [RouteRateLimit(actions)])
        let fixture = try MeshFixture(
            Filtered.resources([.globalRateLimit(.init(.init(domain: "shop")))], routes: [route]),
            rateLimitServices: RateLimitServices(service),
            localCluster: "frontend"
        )
        _ = try await fixture.respond("/a", [("x-user", "alice")])
        _ = try await fixture.respond("/a")
        #expect(
            service.questions.flatMap(\.descriptors).map(\.description)
                == ["source_cluster=frontend,destination_cluster=v2,user=alice,generic_key=GET a"]
        )
    }

    @Test(
        arguments: [
            (GlobalRateLimitFilter.Requests.both, nil, true), (.internal, nil, false), (.internal, "true", true),
            (.external, nil, true), (.external, "true", false), (.external, "1", true),
        ] as [(GlobalRateLimitFilter.Requests, String?, Bool)]
    )
    func `callers of one kind are asked about`(
        requests: GlobalRateLimitFilter.Requests,
        header: String?,
        isAsked: Bool
    ) async throws {
        let service = InMemoryRateLimitService(limit: 100)
        let filter = GlobalRateLimitFilter(.init(domain: "shop"), requests: requests)
        let route = Filtered.route("a", rateLimits: [Filtered.limit("a")])
        let fixture = try fixture(Filtered.resources([.globalRateLimit(filter)], routes: [route]), service)
        _ = try await fixture.respond("/a", header.map { [(HeaderName("x-envoy-internal"), $0)] } ?? [])
        #expect(service.questions.isEmpty != isAsked)
    }

    @Test func `above the limit nothing is sent, the answer is marked, and the record has the flag`() async throws {
        let service = InMemoryRateLimitService(limit: 1)
        let retry = Given.retry(attempts: 3)
        let route = Filtered.route("a", rateLimits: [Filtered.limit("a")], retry: retry)
        var filter = GlobalRateLimitFilter(.init(domain: "shop"))
        filter.responseAdditions = [Filtered.addition("x-limit", "global")]
        let fixture = try fixture(Filtered.resources([.globalRateLimit(filter)], routes: [route]), service)
        _ = try await fixture.respond("/a")
        let error = await fixture.refusal("/a")
        #expect(error?.code == .rateLimited && error?.localReply?.value(of: "x-limit") == "global")
        #expect(error?.localReply?.value(of: "x-envoy-ratelimited") == "true")
        #expect(fixture.network.sent.count == 1 && service.questions.count == 2 && fixture.isAtRest)
        #expect(fixture.observer.requests.last?.flags == [.rateLimited])
        #expect(
            fixture.observer.decisions.contains(
                PolicyDecision(.rateLimit, name: "reviews:9080", .refused, because: .limit)
            )
        )
    }

    @Test(
        arguments: [(false, nil, nil), (true, 500, [ResponseFlag.rateLimitServiceError])]
            as [(Bool, Int?, [ResponseFlag]?)]
    )
    func `a service that nobody knows fails as one that cannot be reached`(
        refuses: Bool,
        status: Int?,
        flags: [ResponseFlag]?
    ) async throws {
        let filter = GlobalRateLimitFilter(.init(domain: "shop", service: "rls", refusesOnFailure: refuses))
        let route = Filtered.route("a", rateLimits: [Filtered.limit("a")])
        let fixture = try fixture(Filtered.resources([.globalRateLimit(filter)], routes: [route]))
        let error = await fixture.refusal("/a")
        #expect(error?.localReply?.status == status)
        if let flags { #expect(fixture.observer.requests.last?.flags == flags) }
        #expect(fixture.network.sent.count == (refuses ? 0 : 1))
    }
}
