// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import MeshTesting
import Testing

@testable import ServiceMesh

/// How far answers are shared: not from cluster to cluster, nor what is under way from route to route.
@Suite struct SharingPlaceTests {
    private static let cache = TrafficPolicies(
        responseCache: ResponseCacheConfiguration(timeToLive: .seconds(60))
    )
    private static let coalescing = TrafficPolicies(coalescing: CoalescingConfiguration())

    private static func onX(_ action: RouteAction, value: String = "1") -> Route {
        Route(
            name: "x",
            match: RouteMatch(headers: [HeaderMatcher("x-a", .value(StringMatcher(.exact(value))))]),
            action: action
        )
    }

    private static func fixture(
        _ resources: MeshResources,
        answer: @escaping @Sendable (InMemoryTransport.Sent, Int) -> InMemoryTransport.Step
    ) throws -> MeshFixture {
        try MeshFixture(resources, replay: .init(bytes: { _ in 1 }) { response, _ in response }, answer: answer)
    }

    /// What requests that overlap come to, in their order.
    private func together(
        _ fixture: MeshFixture,
        _ requests: [InMemoryRequest],
        underWay: Int
    ) async -> [Result<Int, any Error>] {
        await withTaskGroup(of: (Int, Result<Int, any Error>).self) { group in
            for (number, request) in requests.enumerated() {
                group.addTask { (number, await fixture.send(request)) }
            }
            await fixture.clock.waitForSleepers(underWay)
            while fixture.observer.decisions.count(where: { $0.action == .joined }) < requests.count - underWay {
                await Task.yield()
            }
            fixture.clock.advance(by: .seconds(1))
            return await group.reduce(into: []) { $0.append($1) }.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }

    @Test func `a listener's memory keeps what each cluster answers for that cluster, over a push, too`() async throws {
        func resources(ports: [UInt16]) -> MeshResources {
            Given.reviews(
                [
                    Self.onX(Given.forward(to: "v2")), Self.onX(Given.forward(to: "v1"), value: "2"),
                    Route(name: "default", action: Given.forward(to: "v1")),
                ],
                [Given.cluster("v1", ports: ports), Given.cluster("v2", ports: [2])],
                filters: [.policies(Self.cache)]
            )
        }
        let fixture = try Self.fixture(resources(ports: [1])) { sent, _ in
            .status(sent.endpoint?.port == 2 ? 202 : 200)
        }
        // The same target and the same key: what differs is where it is routed to.
        #expect(await fixture.send().value == 200)
        #expect(await fixture.send(InMemoryRequest(headers: [("x-a", "1")])).value == 202)
        try fixture.mesh.apply(resources(ports: [1, 3]))
        #expect(await fixture.send(InMemoryRequest(headers: [("x-a", "2")])).value == 200)
        #expect(fixture.network.sent.count == 2 && fixture.isAtRest)
    }

    @Test func `a route's memory keeps what each of its clusters answers for that cluster`() async throws {
        let shares = [WeightedCluster("v1", weight: 50), WeightedCluster("v2", weight: 50)]
        let fixture = try Self.fixture(
            Given.reviews(
                [Route(name: "default", action: try Given.forward(shares), policies: Self.cache)],
                [Given.cluster("v1", ports: [1]), Given.cluster("v2", ports: [2])]
            )
        ) { _, _ in .status(200) }
        for _ in 0..<32 { #expect(await fixture.send().value == 200) }
        // Each cluster was asked once: neither got the other's answer, and each kept its own.
        #expect(fixture.attemptsByPort == [1: 1, 2: 1])
    }

    @Test(arguments: [true, false])
    func `requests of two routes are not made one, whose timeouts differ, by a coalescing that both share`(
        isOnListener: Bool
    ) async throws {
        var v1 = Given.cluster("v1", ports: [1])
        if !isOnListener { v1.policies = Self.coalescing }
        let resources = Given.reviews(
            [
                Self.onX(Given.forward(to: "v1", timeout: .milliseconds(500))),
                Route(name: "default", action: Given.forward(to: "v1")),
            ],
            [v1],
            filters: isOnListener ? [.policies(Self.coalescing)] : []
        )
        let fixture = try Self.fixture(resources) { _, _ in .respondAfter(.milliseconds(800), InMemoryResponse(200)) }
        let hasty = InMemoryRequest(headers: [("x-a", "1")])
        let results = await withTaskGroup(of: (Bool, Result<Int, any Error>).self) { group in
            group.addTask { (true, await fixture.send(hasty)) }
            await fixture.clock.waitForSleepers()
            group.addTask { (false, await fixture.send()) }
            group.addTask { (false, await fixture.send()) }
            while fixture.network.sent.count < 2 || fixture.observer.decisions.isEmpty { await Task.yield() }
            await fixture.clock.waitForSleepers(2)
            fixture.clock.advance(by: .milliseconds(500))
            let first = await group.next()
            fixture.clock.advance(by: .milliseconds(300))
            return await group.reduce(into: [first].compactMap { $0 }) { $0.append($1) }
        }
        #expect(results.first?.0 == true && results.first?.1.meshError?.code == .deadlineExceeded)
        #expect(results.dropFirst().map(\.1.value) == [200, 200])
        let name = isOnListener ? "reviews:9080" : "v1"
        #expect(
            fixture.observer.decisions.filter { $0.policy == .coalescing }
                == [PolicyDecision(.coalescing, name: name, .joined, because: .duplicate)]
        )
        #expect(fixture.network.sent.count == 2 && fixture.isAtRest)
    }

    @Test(arguments: [coalescing, cache])
    func `who is not meant by a fault's headers does not share what it did to others`(policies: TrafficPolicies)
        async throws
    {
        let fault = FaultConfiguration(
            delay: .init(duration: .seconds(1), percentage: .all),
            abort: .init(status: 503, percentage: .all),
            headers: [HeaderMatcher("x-chaos", .present(true)), HeaderMatcher("cookie", .present(false))]
        )
        let resources = Given.reviews(
            [Route(name: "default", action: Given.forward(to: "v1"), fault: fault)],
            [Given.cluster("v1", ports: [1])],
            filters: [.policies(policies)]
        )
        let fixture = try Self.fixture(resources) { _, _ in .respondAfter(.seconds(1), InMemoryResponse(200)) }
        let meant = InMemoryRequest(headers: [("x-chaos", "")])
        let results = await together(fixture, [meant, InMemoryRequest(), InMemoryRequest()], underWay: 2)
        #expect(results[0].meshError?.code == .faultInjected)
        #expect(results[1].value == 200 && results[2].value == 200)
        // A cookie that a fault asks for is still somebody's own.
        let personal = InMemoryRequest(headers: [("cookie", "a=b")])
        let own = await together(fixture, [personal, personal], underWay: 2)
        #expect(own.map(\.value) == [200, 200] && fixture.network.sent.count == 3)
    }
}
