// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import MeshTesting
import Testing

@testable import ServiceMesh

@Suite("Which of a cluster's endpoints requests mean")
struct EndpointStructureTests {
    private static func labelled(_ name: String, _ versions: [UInt16: MetadataValue]) -> EndpointAssignment {
        let endpoints = versions.sorted { $0.key < $1.key }.map {
            ClusterEndpoint(Given.address($0.key), labels: ["version": $0.value])
        }
        return EndpointAssignment(name: name, localities: [LocalityEndpoints(endpoints: endpoints)])
    }

    // MARK: Subsets

    private static func subsets(_ fallback: SubsetBalancing.Fallback) -> MeshResources {
        var resources = Given.simple()
        resources.clusters["v1"]?.discovery = .fixed(labelled("v1", [1: "blue", 2: "green", 3: "green"]))
        resources.clusters["v1"]?.subsets = SubsetBalancing(selectors: [.init(keys: ["version"])], fallback: fallback)
        return resources
    }

    private static func asking(for labels: [String: MetadataValue], _ resources: MeshResources) -> MeshResources {
        var resources = resources
        for (name, listener) in resources.listeners {
            guard case .inline(var routes) = listener.routes else { continue }
            for host in routes.virtualHosts.indices {
                for route in routes.virtualHosts[host].routes.indices {
                    guard case .forward(var forward) = routes.virtualHosts[host].routes[route].action else { continue }
                    forward.endpointLabels = labels
                    routes.virtualHosts[host].routes[route].action = .forward(forward)
                }
            }
            resources.listeners[name]?.routes = .inline(routes)
        }
        return resources
    }

    @Test func `a route's labels lead to the endpoints that have them`() async throws {
        let fixture = try MeshFixture(Self.asking(for: ["version": "green"], Self.subsets(.none)))
        for _ in 0..<10 { #expect(await fixture.send().value == 200) }
        #expect(fixture.attemptsByPort == [2: 5, 3: 5])
        #expect(fixture.isAtRest)
        let text = fixture.mesh.explain(InMemoryRequest()).description
        #expect(text.contains("endpoint labels") && text.contains("version=green"))
        #expect(text.contains("subsets by version"))
    }

    @Test func `labels that nobody has end the request, or send it to all`() async throws {
        let fixture = try MeshFixture(Self.asking(for: ["version": "red"], Self.subsets(.none)))
        let error = await fixture.send().meshError
        #expect(error?.code == .noHealthyUpstream)
        #expect(fixture.isAtRest)
        let lenient = try MeshFixture(Self.asking(for: ["version": "red"], Self.subsets(.anyEndpoint)))
        for _ in 0..<9 { await lenient.send() }
        #expect(lenient.attemptsByPort == [1: 3, 2: 3, 3: 3])
    }

    @Test func `a push changes the labels, and the endpoints keep what was counted of them`() async throws {
        let fixture = try MeshFixture(Self.asking(for: ["version": "green"], Self.subsets(.none)))
        let before = try #require(fixture.cluster("v1")?.endpoints)
        var resources = Self.asking(for: ["version": "blue"], Self.subsets(.none))
        try fixture.mesh.apply(resources)
        #expect(try #require(fixture.cluster("v1")?.endpoints).elementsEqual(before, by: ===))
        await fixture.send()
        #expect(fixture.attemptsByPort == [1: 1])
        resources.clusters["v1"]?.discovery = .fixed(Self.labelled("v1", [1: "blue", 2: "green", 3: "blue"]))
        try fixture.mesh.apply(resources)
        for _ in 0..<4 { await fixture.send() }
        #expect(fixture.attemptsByPort == [1: 3, 3: 2])
    }

    // MARK: Aggregates

    private static func aggregate() -> MeshResources {
        var resources = Given.simple()
        resources.clusters["v1"]?.discovery = .aggregate(["near", "missing", "far"])
        resources.clusters["near"] = Given.cluster("near", ports: [1])
        resources.clusters["far"] = Given.cluster("far", ports: [2])
        return resources
    }

    @Test func `a cluster made of others sends to the first that is well`() async throws {
        let fixture = try MeshFixture(Self.aggregate())
        await fixture.send()
        #expect(fixture.attemptsByPort == [1: 1])
        #expect(fixture.observer.attempts.map(\.cluster) == ["near"])
        let near = try #require(fixture.cluster("near")?.endpoints.first)
        near.eject(until: MeshInstant(nanoseconds: .max))
        for _ in 0..<4 { await fixture.send() }
        #expect(fixture.attemptsByPort == [1: 1, 2: 4])
        #expect(fixture.observer.attempts.map(\.cluster) == ["near", "far", "far", "far", "far"])
        #expect(fixture.isAtRest)
        let text = fixture.mesh.explain(InMemoryRequest()).description
        #expect(text.contains("near, with 0% of the traffic to v1") && text.contains("far, with 100% of the traffic"))
    }

    @Test func `its members' own verdicts and limits hold`() async throws {
        var resources = Self.aggregate()
        resources.clusters["near"]?.outlierDetection = OutlierDetection(
            consecutiveFailures: 1,
            maximumEjectionPercent: 100
        )
        let fixture = try MeshFixture(resources) { sent, _ in .status(sent.endpoint?.port == 1 ? 503 : 200) }
        #expect(await fixture.send().value == 503)
        #expect(await fixture.send().value == 200)
        #expect(fixture.attemptsByPort == [1: 1, 2: 1])
        var closed = Self.aggregate()
        closed.clusters["near"]?.concurrencyLimit.maximumRequests = 0
        let limited = try MeshFixture(closed)
        let error = await limited.send().meshError
        #expect(error?.code == .overflow && error?.cluster == "near")
        #expect(limited.isAtRest)
    }

    @Test func `a push that changes a member is seen through the aggregate`() async throws {
        let fixture = try MeshFixture(Self.aggregate())
        await fixture.send()
        var resources = Self.aggregate()
        resources.clusters["near"] = Given.cluster("near", ports: [7])
        try fixture.mesh.apply(resources)
        await fixture.send()
        #expect(fixture.attemptsByPort == [1: 1, 7: 1])
    }

    @Test func `circles and empty aggregates are refused by name`() {
        var resources = Self.aggregate()
        resources.clusters["near"]?.discovery = .aggregate(["v1"])
        let circle = #expect(throws: ConfigurationError.self) { try resources.validate() }
        #expect(circle?.problems.map(\.path) == ["clusters[near].members", "clusters[v1].members"])
        resources.clusters["near"]?.discovery = .aggregate([])
        let empty = #expect(throws: ConfigurationError.self) { try resources.validate() }
        #expect(empty?.problems.map(\.path) == ["clusters[near].members"])
        var deep = Given.simple()
        for number in 0..<40 {
            deep.clusters["\(number)"] = Cluster(name: "\(number)", discovery: .aggregate(["\(number + 1)"]))
        }
        #expect(throws: ConfigurationError.self) { try deep.validate() }
    }

    // MARK: Drops

    @Test func `a share of the requests is dropped, and none of their retries`() async throws {
        var resources = Given.simple()
        var assignment = EndpointAssignment(name: "v1", addresses: [Given.address(1)])
        assignment.dropOverloads = [.init(category: "throttle", share: FractionalPercent(numerator: 30))]
        resources.clusters["v1"]?.discovery = .fixed(assignment)
        let fixture = try MeshFixture(resources, seed: 9)
        var dropped: [MeshError] = []
        for _ in 0..<1_000 {
            if let error = await fixture.send().meshError { dropped.append(error) }
        }
        #expect((250...350).contains(dropped.count))
        #expect(dropped.allSatisfy { $0.code == .dropOverload && $0.code.flag == .dropOverload })
        #expect(dropped.first?.localReply?.status == 503)
        #expect(fixture.network.sent.count == 1_000 - dropped.count)
        let decisions = fixture.observer.decisions.filter { $0.policy == .dropOverload }
        #expect(decisions.count == dropped.count && decisions.first?.name == "throttle")
        #expect(fixture.isAtRest)
        #expect(fixture.mesh.explain(InMemoryRequest()).description.contains("drops 30.0% of the requests: throttle"))
    }

    // MARK: Zones

    private static func zones(_ counts: [(String, Int)], firstPort: UInt16) -> EndpointAssignment {
        var port = firstPort
        let localities = counts.map { zone, count in
            LocalityEndpoints(
                locality: Locality(zone: zone),
                endpoints: (0..<count).map { _ in
                    defer { port += 1 }
                    return ClusterEndpoint(Given.address(port))
                }
            )
        }
        return EndpointAssignment(name: "endpoints", localities: localities)
    }

    @Test func `requests stay in the zone as far as its endpoints can take what its callers send`() async throws {
        var resources = Given.simple()
        resources.clusters["v1"]?.discovery = .fixed(Self.zones([("a", 2), ("b", 6)], firstPort: 1))
        resources.clusters["v1"]?.localities = .zoneAware(ZoneAware())
        resources.clusters["callers"] = Cluster(
            name: "callers",
            discovery: .fixed(Self.zones([("a", 1), ("b", 1)], firstPort: 100))
        )
        func share(_ zone: String, localCluster: String = "callers") async throws -> Int {
            let fixture = try MeshFixture(
                resources,
                seed: 5,
                localCluster: localCluster,
                locality: Locality(zone: zone)
            )
            for _ in 0..<1_000 { await fixture.send() }
            return fixture.attemptsByPort.filter { $0.key <= 2 }.values.reduce(0, +)
        }
        // A quarter of the endpoints for half of the callers.
        #expect((450...550).contains(try await share("a")))
        #expect(try await share("b") == 0)
        // Of those who do not know where they are each endpoint has the same.
        #expect((200...300).contains(try await share("elsewhere")))
        #expect((200...300).contains(try await share("a", localCluster: "")))
    }

    @Test func `where panic is to fail requests nobody is sent to, not even who is well`() async throws {
        var resources = Given.simple()
        var endpoints = (1...4).map { ClusterEndpoint(Given.address(UInt16($0)), health: .unhealthy) }
        endpoints[0].health = .healthy
        resources.clusters["v1"]?.discovery = .fixed(
            EndpointAssignment(name: "v1", localities: [LocalityEndpoints(endpoints: endpoints)])
        )
        resources.clusters["v1"]?.localities = .zoneAware(ZoneAware(failsTrafficOnPanic: true))
        let fixture = try MeshFixture(resources)
        #expect(await fixture.send().meshError?.code == .noHealthyUpstream)
        #expect(fixture.network.sent.isEmpty && fixture.isAtRest)
        resources.clusters["v1"]?.localities = .zoneAware(ZoneAware())
        try fixture.mesh.apply(resources)
        for _ in 0..<4 { await fixture.send() }
        #expect(fixture.attemptsByPort == [1: 1, 2: 1, 3: 1, 4: 1])
    }

    @Test func `an empty priority is passed over at once where that is wanted`() async throws {
        var resources = Given.simple()
        let localities = (0..<2).map { priority in
            LocalityEndpoints(
                priority: UInt32(priority),
                endpoints: (0..<4).map { ClusterEndpoint(Given.address(UInt16(10 * priority + $0 + 1))) }
            )
        }
        resources.clusters["v1"]?.discovery = .fixed(EndpointAssignment(name: "v1", localities: localities))
        for (mode, expected) in [(.grpc, 100), (.spill, 35)] as [(PriorityMode, Int)] {
            resources.clusters["v1"]?.priorities = mode
            let fixture = try MeshFixture(resources, seed: 3)
            for endpoint in try #require(fixture.cluster("v1")?.endpoints.prefix(3)) {
                endpoint.eject(until: MeshInstant(nanoseconds: .max))
            }
            for _ in 0..<1_000 { await fixture.send() }
            let first = fixture.attemptsByPort.filter { $0.key <= 4 }.values.reduce(0, +)
            #expect(abs(first / 10 - expected) <= 5, "\(mode)")
        }
    }
}
