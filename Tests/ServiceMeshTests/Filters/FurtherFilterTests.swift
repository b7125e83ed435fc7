// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import MeshTesting
import Synchronization
import Testing

@testable import ServiceMesh

/// Header mutation, buffer limits and stateful sessions on the way of real requests.
@Suite struct FurtherFilterTests {
    private static func rules(_ value: String) -> HeaderMutationRules {
        HeaderMutationRules(
            request: [.add(HeaderAddition("x-in", HeaderFormat(literal: value)))],
            response: [.add(HeaderAddition("x-out", HeaderFormat(literal: value)))]
        )
    }

    private static func changes(_ value: String) -> FilterOverrides {
        FilterOverrides(headerMutation: .settings(rules(value)))
    }

    @Test(arguments: [(false, "l,s,r,h,t"), (true, "l,t,h,r,s")])
    func `changes of all places are made, the listener's first`(mostSpecificWins: Bool, order: String) async throws {
        let filter = HeaderMutationFilter(Self.rules("l"), mostSpecificWins: mostSpecificWins)
        let fixture = try MeshFixture(
            Filtered.resources(
                [.headerMutation(filter)],
                routes: [Filtered.route("a", share: Self.changes("s"), filters: Self.changes("r"))],
                host: Self.changes("h"),
                table: Self.changes("t")
            )
        )
        let response = try await fixture.respond("/a")
        #expect(fixture.network.sent[0].request.value(of: "x-in") == order)
        #expect(response.value(of: "x-out") == order)
    }

    @Test func `changes are made one after the other, and each sees what the one before has done`() async throws {
        let rules = HeaderMutationRules(request: [
            .add(HeaderAddition("x-a", HeaderFormat(literal: "1"))),
            .add(HeaderAddition("x-b", try HeaderFormat("%REQ(x-a)%"))),
            .remove("x-a"),
            .add(HeaderAddition("x-c", HeaderFormat(literal: "2"), action: .overwriteIfExists)),
            .add(HeaderAddition("x-b", HeaderFormat(literal: "3"), action: .addIfAbsent)),
        ])
        let fixture = try MeshFixture(
            Filtered.resources([.headerMutation(.init(rules))], routes: [Filtered.route("a")])
        )
        _ = try await fixture.respond("/a")
        let sent = fixture.network.sent[0].request
        #expect(sent.value(of: "x-a") == nil && sent.value(of: "x-b") == "1" && sent.value(of: "x-c") == nil)
    }

    @Test func `a place that switches the filter off has no changes at all`() async throws {
        let off = FilterOverrides(headerMutation: .disabled)
        let fixture = try MeshFixture(
            Filtered.resources(
                [.headerMutation(.init(Self.rules("l")))],
                routes: [Filtered.route("a", filters: off)],
                host: Self.changes("h")
            )
        )
        #expect(try await fixture.respond("/a").value(of: "x-out") == nil)
    }

    @Test func `an answer of the mesh itself is changed, too`() async throws {
        let limit = LocalRateLimitFilter(
            .init(bucket: .init(maximumTokens: 0, fillInterval: .seconds(1))),
            enabled: RuntimeFraction(.all),
            enforced: RuntimeFraction(.all)
        )
        let fixture = try MeshFixture(
            Filtered.resources(
                [.localRateLimit(limit), .headerMutation(.init(Self.rules("l")))],
                routes: [Filtered.route("a")]
            )
        )
        #expect(await fixture.refusal("/a")?.localReply?.value(of: "x-out") == "l")
    }

    @Test func `a request that says it is too large is refused`() async throws {
        let own = FilterOverrides(buffer: .settings(BufferFilter(maximumRequestBytes: 20)))
        let fixture = try MeshFixture(
            Filtered.resources(
                [.buffer(BufferFilter(maximumRequestBytes: 10))],
                routes: [
                    Filtered.route("a"), Filtered.route("own", filters: own),
                    Filtered.route("off", filters: FilterOverrides(buffer: .disabled)),
                ]
            )
        )
        func status(_ path: String, _ length: String?) async -> Int? {
            await fixture.refusal(path, length.map { [(HeaderName("content-length"), $0)] } ?? [])?.localReply?.status
        }
        #expect(await status("/a", "10") == nil)
        #expect(await status("/a", "11") == 413)
        #expect(await status("/a", nil) == nil)
        #expect(await status("/own", "11") == nil)
        #expect(await status("/own", "21") == 413)
        #expect(await status("/off", "99") == nil)
        let error = await fixture.refusal("/a", [("content-length", "11")])
        #expect(error?.code == .requestTooLarge && error?.localReply?.body == "Payload Too Large")
        #expect(fixture.isAtRest)
    }

    // The sessions of "10.0.0.1:2" and "10.0.0.1:9".
    private static let second = "MTAuMC4wLjE6Mg=="
    private static let unknown = "MTAuMC4wLjE6OQ=="

    private func sessions(isStrict: Bool = false, answer: @escaping @Sendable (Int) -> Int = { _ in 200 }) throws
        -> MeshFixture
    {
        let filter = StatefulSessionFilter(.header("x-session"), isStrict: isStrict, statusIfUnknown: 404)
        return try MeshFixture(
            Filtered.resources(
                [.statefulSession(filter)],
                routes: [
                    Filtered.route("a", retry: Given.retry()),
                    Filtered.route("off", filters: FilterOverrides(statefulSession: .disabled)),
                ]
            )
        ) { _, number in .status(answer(number)) }
    }

    @Test func `requests of a session go to its endpoint, and others learn theirs`() async throws {
        let fixture = try sessions()
        for _ in 0..<10 {
            #expect(try await fixture.respond("/a", [("x-session", Self.second)]).value(of: "x-session") == nil)
        }
        #expect(fixture.attemptsByPort == [2: 10])
        let response = try await fixture.respond("/a")
        let port = try #require(fixture.network.sent.last?.endpoint?.port)
        #expect(response.value(of: "x-session") == (port == 2 ? Self.second : "MTAuMC4wLjE6MQ=="))
        #expect(try await fixture.respond("/off").value(of: "x-session") == nil)
        #expect(fixture.isAtRest)
    }

    @Test func `a session whose endpoint is gone gets another, or fails where it must not`() async throws {
        let lax = try sessions()
        #expect(try await lax.respond("/a", [("x-session", Self.unknown)]).value(of: "x-session") != nil)
        #expect(try await lax.respond("/a", [("x-session", "bm90IGFuIGFkZHJlc3M=")]).value(of: "x-session") != nil)
        let strict = try sessions(isStrict: true)
        let error = await strict.refusal("/a", [("x-session", Self.unknown)])
        #expect(error?.code == .noHealthyUpstream && error?.localReply?.status == 404)
        #expect(strict.network.sent.isEmpty && strict.isAtRest)
    }

    @Test func `an endpoint that is ejected is no session's`() async throws {
        for isStrict in [false, true] {
            let fixture = try sessions(isStrict: isStrict)
            let state = try #require(fixture.cluster("v1")?.endpoints.first { $0.endpoint.address.port == 2 })
            state.ejectedUntil.store(.max, ordering: .relaxed)
            let error = await fixture.refusal("/a", [("x-session", Self.second)])
            #expect(error?.localReply?.status == (isStrict ? 503 : nil))
            #expect(fixture.attemptsByPort == (isStrict ? [:] : [1: 1]))
        }
    }

    @Test func `an attempt that follows goes where the balancer says`() async throws {
        let fixture = try sessions(isStrict: true) { $0 == 0 ? 503 : 200 }
        let response = try await fixture.respond("/a", [("x-session", Self.second)])
        #expect(fixture.attemptsByPort == [2: 1, 1: 1])
        #expect(response.value(of: "x-session") == "MTAuMC4wLjE6MQ==")
    }

    @Test func `faults for one cluster leave the others alone`() async throws {
        let fault = FaultConfiguration(abort: .init(status: 418, percentage: .all), upstreamCluster: "v2")
        let fixture = try MeshFixture(
            Filtered.resources([.fault(fault)], routes: [Filtered.route("a"), Filtered.route("b", to: "v2")])
        )
        #expect(await fixture.refusal("/a") == nil)
        #expect(await fixture.refusal("/b")?.localReply?.status == 418)
    }
}
