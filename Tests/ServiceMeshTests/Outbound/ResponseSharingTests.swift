// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import MeshTesting
import Testing

@testable import ServiceMesh

/// Response caches and coalescing on routes and clusters: one answer for several requests.
@Suite struct ResponseSharingTests {
    private typealias Replay = ResponseReplay<InMemoryRequest, InMemoryResponse>

    /// Holds responses as an adapter does; what their bodies would be, their length says.
    private static let replay = Replay(bytes: { $0.length }) { response, maximumBytes in
        guard response.length <= maximumBytes else {
            throw MeshError(.responseTooLarge, origin: .local, requestState: .answered, message: "too large")
        }
        return response
    }

    private static func resources(
        route: TrafficPolicies = .none,
        cluster: TrafficPolicies = .none,
        ports: [UInt16] = [1]
    ) -> MeshResources {
        var v1 = Given.cluster("v1", ports: ports)
        v1.policies = cluster
        return Given.reviews(
            [Route(name: "default", action: Given.forward(to: "v1"), policies: route)],
            [v1]
        )
    }

    private static let minute = ResponseCacheConfiguration(timeToLive: .seconds(60))

    @Test(arguments: [true, false])
    func `a response is sent for once and answered from memory, on a route and on a cluster`(isOnRoute: Bool)
        async throws
    {
        let policies = TrafficPolicies(responseCache: Self.minute)
        func resources(ports: [UInt16]) -> MeshResources {
            Self.resources(
                route: isOnRoute ? policies : .none,
                cluster: isOnRoute ? .none : policies,
                ports: ports
            )
        }
        let fixture = try MeshFixture(resources(ports: [1]), replay: Self.replay)
        #expect(await fixture.send().value == 200)
        #expect(await fixture.send().value == 200)
        // A push that leaves it alone keeps what is in memory.
        try fixture.mesh.apply(resources(ports: [1, 2]))
        #expect(await fixture.send().value == 200)
        #expect(fixture.network.sent.count == 1)
        let name = isOnRoute ? "default" : "v1"
        let served = PolicyDecision(.cache, name: name, .served, because: .duplicate)
        #expect(fixture.observer.decisions == [served, served])
        // What comes from memory is a request with a record, and no attempt.
        #expect(fixture.observer.requests.map(\.status) == [200, 200, 200])
        #expect(fixture.observer.requests.map(\.attempts) == [1, 0, 0] && fixture.observer.attempts.count == 1)
        #expect(fixture.observer.requests.map(\.endpoint) == [Given.address(1), nil, nil])
        fixture.clock.advance(by: .seconds(60))
        await fixture.send()
        #expect(fixture.network.sent.count == 2 && fixture.isAtRest)
    }

    @Test func `a cache asks what HTTP lets be kept: the request, the response, and what its answer varies by`()
        async throws
    {
        let fixture = try MeshFixture(
            Self.resources(route: TrafficPolicies(responseCache: Self.minute)),
            replay: Self.replay
        ) { sent, _ in
            switch sent.request.path {
            case "/private": .respond(InMemoryResponse(200, headers: ["cache-control": "private"]))
            case "/vary": .respond(InMemoryResponse(200, headers: ["vary": "x-user"]))
            default: .status(200)
            }
        }
        let unshared = [
            InMemoryRequest(method: "POST"), InMemoryRequest(headers: [("authorization", "Bearer a")]),
            InMemoryRequest(headers: [("cookie", "a=b")]), InMemoryRequest(headers: [("cache-control", "no-cache")]),
            InMemoryRequest(headers: [("accept", "text/event-stream")]), InMemoryRequest(path: "/private"),
            InMemoryRequest(path: "/vary"),
        ]
        for request in unshared {
            await fixture.send(request)
            await fixture.send(request)
        }
        #expect(fixture.network.sent.count == unshared.count * 2)
        await fixture.send(InMemoryRequest(path: "/a", headers: [("accept", "text/html")]))
        await fixture.send(InMemoryRequest(path: "/a", headers: [("accept", "text/plain")]))
        await fixture.send(InMemoryRequest(path: "/a", headers: [("accept", "text/plain")]))
        #expect(fixture.network.sent.count == unshared.count * 2 + 2)
        #expect(fixture.observer.decisions.count == 1 && fixture.isAtRest)
    }

    @Test func `who asks may be told to belong to the key, and then each has a memory of his own`() async throws {
        let rules = ResponseSharingRules(keyHeaders: ["authorization", "x-user"])
        let fixture = try MeshFixture(
            Self.resources(route: TrafficPolicies(responseCache: Self.minute, sharing: rules)),
            replay: Self.replay
        ) { _, _ in .respond(InMemoryResponse(200, headers: ["vary": "X-User"])) }
        for name in ["a", "b", "a", "b"] {
            await fixture.send(InMemoryRequest(headers: [("authorization", name)]))
        }
        #expect(fixture.network.sent.map { $0.request.value(of: "authorization") } == ["a", "b"])
    }

    @Test(arguments: [TrafficPolicies(coalescing: CoalescingConfiguration()), TrafficPolicies(responseCache: minute)])
    func `a response that is too large goes to each who asks, and nobody waits for such a one again`(
        policies: TrafficPolicies
    ) async throws {
        var policies = policies
        policies.sharing.maximumBytes = 100
        let fixture = try MeshFixture(Self.resources(route: policies), replay: Self.replay) { _, _ in
            .respond(InMemoryResponse(200, headers: ["content-length": "101"]))
        }
        #expect(await fixture.send().value == 200)
        // Once to find out, once for the caller.
        #expect(fixture.network.sent.count == 2)
        #expect(await fixture.send().value == 200)
        #expect(fixture.network.sent.count == 3)
        // After a while it may have become smaller.
        fixture.clock.advance(by: .seconds(120))
        #expect(await fixture.send().value == 200)
        #expect(fixture.network.sent.count == 5 && fixture.isAtRest)
    }

    @Test func `the bytes of the responses in memory are bounded by the cache's cost`() async throws {
        let cache = ResponseCacheConfiguration(timeToLive: .seconds(60), maximumCost: 250)
        let fixture = try MeshFixture(
            Self.resources(route: TrafficPolicies(responseCache: cache)),
            replay: Self.replay
        ) { _, _ in .respond(InMemoryResponse(200, headers: ["content-length": "100"])) }
        for path in ["/a", "/b", "/c", "/c", "/b", "/a"] { await fixture.send(InMemoryRequest(path: path)) }
        #expect(fixture.network.sent.map(\.request.path) == ["/a", "/b", "/c", "/a"])
    }

    @Test func `equal requests that overlap are one attempt, and each has its answer`() async throws {
        let fixture = try MeshFixture(
            Self.resources(cluster: TrafficPolicies(coalescing: CoalescingConfiguration())),
            replay: Self.replay
        ) { _, _ in .respondAfter(.seconds(1), InMemoryResponse(201)) }
        let statuses = await withTaskGroup(of: Int?.self) { group in
            for _ in 0..<4 { group.addTask { await fixture.send().value } }
            await fixture.clock.waitForSleepers()
            while fixture.observer.decisions.count < 3 { await Task.yield() }
            fixture.clock.advance(by: .seconds(1))
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses == [201, 201, 201, 201])
        #expect(fixture.network.sent.count == 1 && fixture.observer.attempts.count == 1)
        let joined = PolicyDecision(.coalescing, name: "v1", .joined, because: .duplicate)
        #expect(fixture.observer.decisions == [joined, joined, joined])
        #expect(fixture.observer.requests.map(\.attempts).sorted() == [0, 0, 0, 1] && fixture.isAtRest)
    }

    @Test(arguments: [TrafficPolicies(coalescing: CoalescingConfiguration()), TrafficPolicies(responseCache: minute)])
    func `an answer for one caller alone is given to him, and the others send their own`(policies: TrafficPolicies)
        async throws
    {
        let fixture = try MeshFixture(Self.resources(route: policies), replay: Self.replay) { _, number in
            let response = InMemoryResponse(200 + number, headers: ["set-cookie": "id=\(number)"])
            return number == 0 ? .respondAfter(.seconds(1), response) : .respond(response)
        }
        let statuses = await withTaskGroup(of: Int?.self) { group in
            for _ in 0..<3 { group.addTask { await fixture.send().value } }
            await fixture.clock.waitForSleepers()
            while fixture.observer.decisions.count < 2 { await Task.yield() }
            fixture.clock.advance(by: .seconds(1))
            return await group.reduce(into: []) { $0.append($1 ?? 0) }
        }
        #expect(statuses.sorted() == [200, 201, 202])
        // From now on nobody waits for such an answer.
        let before = fixture.observer.decisions.count
        #expect(await fixture.send().value == 203)
        #expect(fixture.observer.decisions.count == before && fixture.isAtRest)
    }

    @Test func `an old response takes the place of a failure when the retries are over`() async throws {
        let cache = ResponseCacheConfiguration(timeToLive: .seconds(1), staleIfError: .seconds(60))
        var resources = Self.resources(route: TrafficPolicies(responseCache: cache))
        let action = Given.forward(to: "v1", retry: Given.retry(attempts: 2))
        resources = Given.reviews(
            [Route(name: "default", action: action, policies: TrafficPolicies(responseCache: cache))],
            [Given.cluster("v1", ports: [1])]
        )
        let fixture = try MeshFixture(resources, replay: Self.replay) { _, number in
            number == 0 ? .status(200) : .status(503)
        }
        await fixture.send()
        fixture.clock.advance(by: .seconds(1))
        #expect(await fixture.send().value == 200)
        #expect(fixture.network.sent.count == 3 && fixture.isAtRest)
        #expect(fixture.observer.decisions.contains { $0.action == .servedStale && $0.reason == .failure })
    }

    @Test func `a fallback stands outside the memory, and a dry run sends every request`() async throws {
        var cache = Self.minute
        cache.mode = .observe
        let policies = TrafficPolicies(fallback: LocalReply(status: 204), responseCache: cache)
        let fixture = try MeshFixture(Self.resources(route: policies), replay: Self.replay) { _, number in
            number < 2 ? .status(200) : .status(503)
        }
        await fixture.send()
        await fixture.send()
        #expect(await fixture.send().meshError?.localReply?.status == 204)
        #expect(fixture.network.sent.count == 3 && fixture.isAtRest)
        #expect(fixture.observer.decisions.map(\.action) == [.served, .served, .fellBack])
        #expect(fixture.observer.decisions.map(\.isEnforced) == [false, false, true])
    }

    @Test func `each client has a memory of its own, because middleware may say who asks`() async throws {
        let fixture = try MeshFixture(
            Self.resources(route: TrafficPolicies(responseCache: Self.minute)),
            replay: Self.replay
        )
        let other = OutboundStack(mesh: fixture.mesh, leaf: fixture.contract, replay: Self.replay)
        await fixture.send()
        for _ in 0..<2 {
            var context = fixture.mesh.makeContext()
            let status = try await other.withResponse(to: InMemoryRequest(), context: &context) { $0.statusCode }
            #expect(status == 200)
        }
        #expect(fixture.network.sent.count == 2 && fixture.isAtRest)
    }

    @Test func `a client whose responses cannot be held sends every request, which is told once and explained`()
        async throws
    {
        let policies = TrafficPolicies(responseCache: Self.minute, coalescing: CoalescingConfiguration())
        let fixture = try MeshFixture(Self.resources(route: policies))
        for _ in 0..<3 { #expect(await fixture.send().value == 200) }
        #expect(fixture.network.sent.count == 3 && fixture.isAtRest)
        let told = fixture.observer.events.compactMap { event -> String? in
            if case .unexpected("response sharing", let message) = event { message } else { nil }
        }
        #expect(told.count == 1 && told.first?.contains("default") == true)
        let facts = fixture.mesh.explain(InMemoryRequest()).facts
        let reason = "it does not act for 1 of 1 clients, whose stacks were made without a ResponseReplay"
        #expect(facts.count { $0.value == reason } == 2)
    }

    @Test func `a route's cache is described with its rules and their sources`() throws {
        let policies = TrafficPolicies(
            responseCache: Self.minute,
            coalescing: CoalescingConfiguration(),
            sharing: ResponseSharingRules(maximumBytes: 1000)
        )
        let fixture = try MeshFixture(Self.resources(route: policies), replay: Self.replay)
        let stack = try #require(fixture.mesh.describe(InMemoryRequest()).first?.stack)
        #expect(stack.policies.map(\.slot) == [.cache, .coalescing])
        #expect(stack.description.contains("maximumBytes 1000 (route default)"))
        #expect(
            stack.description.contains("keyHeaders accept accept-encoding accept-language (default: RFC 9110 §12.5)")
        )
        let explained = fixture.mesh.explain(InMemoryRequest()).description
        #expect(explained.contains("timeToLive 60") && !explained.contains("does not act"))
    }

    @Test func `broken rules are refused with their paths`() {
        let rules = ResponseSharingRules(keyHeaders: ["a b"], maximumBytes: 0)
        let policies = TrafficPolicies(
            responseCache: ResponseCacheConfiguration(timeToLive: .zero),
            sharing: rules
        )
        let error = #expect(throws: ConfigurationError.self) { try policies.validate() }
        #expect(
            error?.problems.map(\.path) == [
                "responseCache.timeToLive", "sharing.keyHeaders[0]", "sharing.maximumBytes",
            ]
        )
    }
}

extension InMemoryResponse {
    /// How long the body is that it says it has.
    fileprivate var length: Int { value(of: "content-length").flatMap { Int($0) } ?? 0 }
}
