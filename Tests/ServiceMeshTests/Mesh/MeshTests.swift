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

@Suite struct MeshTests {
    private let detection = OutlierDetection(consecutiveFailures: 1, maximumEjectionPercent: 50)
    private let limit = RateLimitConfiguration(maximumTokens: 5, fillInterval: .seconds(3600))

    private func resources(routes: [Route]? = nil, ports: [UInt16] = [1, 2]) -> MeshResources {
        Given.reviews(
            routes ?? [Route(name: "default", action: Given.forward(to: "v1"), rateLimit: limit)],
            [Given.cluster("v1", ports: ports, outlierDetection: detection)]
        )
    }

    @Test func `live state survives a push that leaves its cluster alone`() async throws {
        let fixture = try MeshFixture(resources()) { _, number in number == 0 ? .status(500) : .status(200) }
        for _ in 0..<3 { await fixture.send() }
        let before = try #require(fixture.cluster("v1"))
        #expect(!before.endpoints.allSatisfy { $0.isAvailable(at: fixture.clock.now) })
        var changed = resources(routes: [
            Route(name: "new", match: RouteMatch(path: PathMatcher(.exact("/new"))), action: Given.forward(to: "v2")),
            Route(name: "default", action: Given.forward(to: "v1"), rateLimit: limit),
        ])
        changed.clusters["v2"] = Given.cluster("v2", ports: [3])
        #expect(try fixture.mesh.apply(changed) == 2)
        #expect(fixture.cluster("v1") === before)
        // Two tokens of five are left, and the ejected endpoint stays ejected.
        let ejected = fixture.network.sent[0].endpoint
        let codes = await [fixture.send(), fixture.send(), fixture.send()].map { $0.meshError?.code }
        #expect(codes == [nil, nil, .rateLimited])
        #expect(fixture.network.sent.dropFirst().allSatisfy { $0.endpoint != ejected })
    }

    @Test func `a push that changes one endpoint touches that endpoint only`() async throws {
        let fixture = try MeshFixture(resources()) { sent, _ in sent.endpoint?.port == 1 ? .status(500) : .status(200) }
        for _ in 0..<2 { await fixture.send() }
        let before = try #require(fixture.cluster("v1"))
        try fixture.mesh.apply(resources(ports: [1, 2, 3]))
        let after = try #require(fixture.cluster("v1"))
        #expect(after !== before && after.live === before.live)
        #expect(zip(before.endpoints, after.endpoints).allSatisfy { $0 === $1 })
        #expect(!after.endpoints[0].isAvailable(at: fixture.clock.now))
        #expect(after.endpoints[2].isAvailable(at: fixture.clock.now))
    }

    @Test func `a new weight does not pardon an ejected endpoint`() async throws {
        let fixture = try MeshFixture(resources()) { sent, _ in sent.endpoint?.port == 1 ? .status(500) : .status(200) }
        for _ in 0..<2 { await fixture.send() }
        var changed = resources()
        let weighted = [ClusterEndpoint(Given.address(1), weight: 7), ClusterEndpoint(Given.address(2))]
        changed.clusters["v1"]?.discovery = .fixed(
            EndpointAssignment(name: "v1", localities: [LocalityEndpoints(endpoints: weighted)])
        )
        try fixture.mesh.apply(changed)
        let endpoint = try #require(fixture.cluster("v1")?.endpoints.first)
        #expect(endpoint.weight == 7 && !endpoint.isAvailable(at: fixture.clock.now))
    }

    @Test(
        arguments: [nil, OutlierDetection(consecutiveFailures: 2, maximumEjectionPercent: 50)] as [OutlierDetection?]
    )
    func `ejections end with the policy that made them`(next: OutlierDetection?) async throws {
        let breaker = CircuitBreakerConfiguration(minimumCalls: 1)
        var resources = Given.simple(ports: [1, 2], outlierDetection: detection, circuitBreaker: breaker)
        let fixture = try MeshFixture(resources) { sent, _ in sent.endpoint?.port == 1 ? .status(500) : .status(200) }
        for _ in 0..<2 { await fixture.send() }
        let before = try #require(fixture.cluster("v1"))
        let endpoint = before.endpoints[0]
        #expect(held(against: endpoint) == ["ejection", "refusal"])
        resources.clusters["v1"]?.outlierDetection = next
        try fixture.mesh.apply(resources)
        let after = try #require(fixture.cluster("v1"))
        #expect(after.endpoints[0] === endpoint)
        // What the breaker holds against it is another matter.
        #expect(held(against: endpoint) == ["refusal"])
        #expect(after.live.outlierDetector !== before.live.outlierDetector)
        #expect((after.live.outlierDetector == nil) == (next == nil))
        #expect(after.live.breakers === before.live.breakers)
    }

    @Test(arguments: [nil, CircuitBreakerConfiguration(minimumCalls: 9)] as [CircuitBreakerConfiguration?])
    func `refusals end with the breaker that made them`(next: CircuitBreakerConfiguration?) async throws {
        let breaker = CircuitBreakerConfiguration(minimumCalls: 1)
        var resources = Given.simple(ports: [1, 2], outlierDetection: detection, circuitBreaker: breaker)
        let fixture = try MeshFixture(resources) { sent, _ in sent.endpoint?.port == 1 ? .status(500) : .status(200) }
        for _ in 0..<2 { await fixture.send() }
        let before = try #require(fixture.cluster("v1"))
        resources.clusters["v1"]?.circuitBreaker = next
        try fixture.mesh.apply(resources)
        let after = try #require(fixture.cluster("v1"))
        #expect(held(against: after.endpoints[0]) == ["ejection"])
        #expect(after.live.outlierDetector === before.live.outlierDetector)
        #expect(after.live.breakerState(of: Given.address(1)) == nil)
        // The detector still knows whom it ejected, and says so when the time is over.
        fixture.clock.advance(by: .seconds(31))
        after.live.outlierDetector?.sweep(after.endpoints, now: fixture.clock.now)
        #expect(fixture.observer.events.contains { if case .endpointReturned = $0 { true } else { false } })
    }

    /// What keeps traffic away from an endpoint.
    private func held(against endpoint: EndpointState) -> [String] {
        var held: [String] = []
        if endpoint.ejectedUntil.load(ordering: .relaxed) != 0 { held.append("ejection") }
        if endpoint.refusedUntil.load(ordering: .relaxed) != 0 { held.append("refusal") }
        return held
    }

    @Test func `requests under way are counted where they began, whatever is pushed meanwhile`() async throws {
        let fixture = try MeshFixture(resources())
        var context = fixture.mesh.makeContext()
        try await fixture.stack.withResponse(to: InMemoryRequest(), context: &context) { _ in
            let before = fixture.cluster("v1")
            try fixture.mesh.apply(Given.simple(ports: [1, 2], circuitBreaker: CircuitBreakerConfiguration()))
            #expect(before?.live.activeRequests.load(ordering: .relaxed) == 1)
        }
        #expect(fixture.isAtRest)
    }

    @Test func `routes that share a name keep buckets of their own over a push`() async throws {
        let routes = ["/a", "/b"].map { path in
            Route(
                name: "same",
                match: RouteMatch(path: PathMatcher(.prefix(path))),
                action: Given.forward(to: "v1"),
                rateLimit: RateLimitConfiguration(maximumTokens: 1, fillInterval: .seconds(3600))
            )
        }
        let fixture = try MeshFixture(resources(routes: routes))
        try fixture.mesh.apply(resources(routes: routes))
        #expect(await fixture.send(InMemoryRequest(path: "/a")).value == 200)
        #expect(await fixture.send(InMemoryRequest(path: "/b")).value == 200)
        #expect(await fixture.send(InMemoryRequest(path: "/a")).meshError?.code == .rateLimited)
        try fixture.mesh.apply(resources(routes: routes))
        #expect(await fixture.send(InMemoryRequest(path: "/b")).meshError?.code == .rateLimited)
    }

    @Test func `a bad push is refused as a whole, and the last good one stays in force`() async throws {
        let fixture = try MeshFixture(resources())
        var bad = resources(ports: [9])
        bad.clusters["broken"] = Cluster(name: "", connectTimeout: .zero)
        let error = #expect(throws: ConfigurationError.self) { try fixture.mesh.apply(bad) }
        #expect(error?.problems.count == 2)
        #expect(fixture.mesh.snapshot?.generation == 1)
        #expect(await fixture.send().value == 200)
        #expect(fixture.network.sent[0].endpoint?.port != 9)
        guard case .configurationRejected(let source, _) = fixture.observer.events.last else {
            Issue.record("nobody was told")
            return
        }
        #expect(source == "code")
    }

    @Test func `what several sources deliver is merged`() async throws {
        let fixture = try MeshFixture(Given.reviews([Route(action: Given.forward(to: "v1"))], []))
        #expect(await fixture.send().meshError?.code == .clusterNotFound)
        try fixture.mesh.apply(MeshResources(clusters: [Given.cluster("v1", ports: [1])]), from: "other")
        #expect(await fixture.send().value == 200)
        try fixture.mesh.apply(MeshResources(), from: "other")
        #expect(await fixture.send().meshError?.code == .clusterNotFound)
    }

    @Test func `a mesh runs its sources, is ready when the first delivers, and ends when cancelled`() async throws {
        let clock = ManualClock()
        let mesh = try Mesh(
            MeshConfiguration(isDisabled: false),
            sources: [FixedConfigSource(resources())],
            clock: clock
        )
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await #expect(throws: CancellationError.self) { try await mesh.run() }
            }
            await #expect(throws: Never.self) { try await mesh.ready(timeout: .seconds(5)) }
            #expect(mesh.snapshot?.generation == 1)
            group.cancelAll()
        }
    }

    @Test func `a mesh without configuration is not ready in time`() async throws {
        let clock = ManualClock()
        let mesh = try Mesh(MeshConfiguration(isDisabled: false), clock: clock)
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                let error = await #expect(throws: MeshError.self) { try await mesh.ready(timeout: .seconds(5)) }
                #expect(error?.code == .notReady)
            }
            await clock.waitForSleepers()
            clock.advance(by: .seconds(5))
        }
    }

    @Test func `the sweep tells of endpoints that return`() async throws {
        let fixture = try MeshFixture(resources()) { _, number in number == 0 ? .status(500) : .status(200) }
        for _ in 0..<2 { await fixture.send() }
        let mesh = fixture.mesh
        let clock = fixture.clock
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await mesh.run() }
            await clock.waitForSleepers()
            clock.advance(by: .seconds(31))
            // It sleeps again once it has swept.
            await clock.waitForSleepers()
            group.cancelAll()
        }
        #expect(fixture.observer.events.contains { if case .endpointReturned = $0 { true } else { false } })
    }

    @Test func `a broken setting is refused when the mesh is made`() {
        let broken = MeshConfiguration(
            retryBudget: RetryBudgetConfiguration(percent: -1),
            circuitBreaker: CircuitBreakerConfiguration(probes: 0)
        )
        let error = #expect(throws: ConfigurationError.self) { _ = try Mesh(broken) }
        #expect(error?.problems.map(\.path) == ["retryBudget.percent", "circuitBreaker.probes"])
    }
}
