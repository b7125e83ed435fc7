// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshRouting
import MeshTesting
import Synchronization
import Testing

@testable import ServiceMesh

/// A configuration that differs in endpoints alone is put in force at their cost, and is the same as if it had been applied
/// as a whole.
@Suite struct EndpointChangeTests {
    /// A balancer that counts what is done with it.
    private struct Counted: LoadBalancingPolicy {
        final class Counts: Sendable {
            let validations = Atomic(0)
            let tables = Atomic(0)

            func take() -> (validations: Int, tables: Int) {
                (
                    validations.exchange(0, ordering: .relaxed),
                    tables.exchange(0, ordering: .relaxed)
                )
            }
        }

        let counts: Counts
        var name: String { "counted" }

        static func == (left: Counted, right: Counted) -> Bool { left.counts === right.counts }
        func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(counts)) }

        func validate() throws(ConfigurationError) { counts.validations.wrappingAdd(1, ordering: .relaxed) }

        func makePicker(_ endpoints: [EndpointState], random: MeshRandom) -> any EndpointPicker {
            counts.tables.wrappingAdd(1, ordering: .relaxed)
            return RoundRobin().makePicker(endpoints, random: random)
        }
    }

    private static func assignment(_ name: String, _ ports: UInt16...) -> EndpointAssignment {
        EndpointAssignment(name: name, addresses: ports.map { EndpointAddress(host: "127.0.0.1", port: $0) })
    }

    /// Clusters `c0`, `c1`, …, each with a route of its own.
    private static func world(_ count: Int, _ change: (inout Cluster) -> Void = { _ in }) -> MeshResources {
        let names = (0..<count).map { "c\($0)" }
        let routes = names.map { name in
            Route(
                match: RouteMatch(path: PathMatcher(.prefix("/\(name)/"))),
                action: .forward(.init(clusters: WeightedClusters(single: name)))
            )
        }
        return MeshResources(
            listeners: [Listener(name: "svc", routes: .named("r"))],
            routeConfigurations: [
                RouteConfiguration(
                    name: "r",
                    virtualHosts: [VirtualHost(name: "svc", domains: [.exact("svc")], routes: routes)]
                )
            ],
            clusters: names.map { name in
                var cluster = Cluster(name: name)
                change(&cluster)
                return cluster
            },
            endpointAssignments: names.map { assignment($0, 1) }
        )
    }

    private static func ports(_ mesh: Mesh, _ cluster: String) -> [UInt16] {
        mesh.loadSnapshot().clusters[cluster]?.endpoints.compactMap(\.endpoint.address.port) ?? []
    }

    private static func destination(_ fixture: MeshFixture, _ path: String) async -> UInt16? {
        _ = await fixture.send(InMemoryRequest(authority: "svc", path: path))
        return fixture.network.sent.last?.endpoint?.port
    }

    @Test(arguments: [10, 10_000])
    func `what is done does not depend on how many clusters there are`(count: Int) throws {
        let counts = Counted.Counts()
        var resources = Self.world(count) { $0.loadBalancing = Cluster.LoadBalancing(Counted(counts: counts)) }
        let mesh = try Mesh(clock: ManualClock())
        try mesh.apply(resources, from: "xds")
        let whole = counts.take()
        #expect(whole.validations >= count)
        let before = mesh.loadSnapshot()
        resources.endpointAssignments["c3"] = Self.assignment("c3", 2)
        let generation = try mesh.apply(resources, changing: ["c3"], from: "xds")
        let part = counts.take()
        #expect(part.validations == 0 && part.tables <= 2, "\(part)")
        let after = mesh.loadSnapshot()
        #expect(generation == 2 && after.generation == 2)
        let others = after.clusters.filter { before.clusters[$0.key] !== $0.value }.map(\.key)
        #expect(others == ["c3"] && Self.ports(mesh, "c3") == [2])
        let routes = zip(before.routes.byAuthority.values, after.routes.byAuthority.values).filter { $0 !== $1 }
        #expect(routes.count == 1)
        #expect(mesh.snapshot?.resources == resources)
    }

    @Test func `requests go where the endpoints are now, and connections to those of before are closed`() async throws {
        let fixture = try MeshFixture(MeshResources())
        var resources = Self.world(3)
        try fixture.mesh.apply(resources, from: "xds")
        #expect(await Self.destination(fixture, "/c1/") == 1)
        for port in 2...600 as ClosedRange<UInt16> {
            resources.endpointAssignments["c1"] = Self.assignment("c1", port)
            // More assignments than stand beside a configuration.
            resources.endpointAssignments["x\(port)"] = Self.assignment("x\(port)", port)
            try fixture.mesh.apply(resources, changing: ["c1", "x\(port)"], from: "xds")
        }
        #expect(await Self.destination(fixture, "/c1/") == 600)
        #expect(await Self.destination(fixture, "/c2/") == 1)
        #expect(fixture.mesh.snapshot?.resources == resources)
        resources.endpointAssignments["c1"] = nil
        try fixture.mesh.apply(resources, changing: ["c1"], from: "xds")
        #expect(Self.ports(fixture.mesh, "c1").isEmpty && fixture.mesh.snapshot?.resources == resources)
    }

    @Test func `what others depend on is applied as a whole`() throws {
        var resources = Self.world(3)
        resources.clusters["all"] = Cluster(name: "all", discovery: .aggregate(["c0", "c1"]))
        let mesh = try Mesh(clock: ManualClock())
        try mesh.apply(resources, from: "xds")
        resources.endpointAssignments["c0"] = Self.assignment("c0", 2)
        try mesh.apply(resources, changing: ["c0"], from: "xds")
        let snapshot = mesh.loadSnapshot()
        #expect(snapshot.clusters["all"]?.members.first === snapshot.clusters["c0"])
        #expect(Self.ports(mesh, "c0") == [2])
    }

    @Test func `of two sources the later one wins, and what one lets go of the other has`() throws {
        let mesh = try Mesh(clock: ManualClock())
        var first = Self.world(2)
        var second = MeshResources(endpointAssignments: [Self.assignment("c0", 7)])
        try mesh.apply(first, from: "a")
        try mesh.apply(second, from: "b")
        first.endpointAssignments["c0"] = Self.assignment("c0", 2)
        try mesh.apply(first, changing: ["c0"], from: "a")
        #expect(Self.ports(mesh, "c0") == [7])
        second.endpointAssignments["c0"] = nil
        try mesh.apply(second, changing: ["c0"], from: "b")
        #expect(Self.ports(mesh, "c0") == [2])
    }

    @Test func `what is refused changes nothing, and what comes next is applied as a whole`() throws {
        let mesh = try Mesh(clock: ManualClock())
        var resources = Self.world(2)
        try mesh.apply(resources, from: "xds")
        resources.endpointAssignments["c0"] = Self.assignment("c0", 1, 1)
        #expect(throws: ConfigurationError.self) { try mesh.apply(resources, changing: ["c0"], from: "xds") }
        #expect(Self.ports(mesh, "c0") == [1] && mesh.snapshot?.generation == 1)
        resources.endpointAssignments["c0"] = Self.assignment("c0", 1)
        resources.endpointAssignments["c1"] = Self.assignment("c1", 3)
        resources.clusters["c1"]?.connectTimeout = .seconds(2)
        try mesh.apply(resources, changing: ["c1"], from: "xds")
        #expect(mesh.snapshot?.resources == resources && Self.ports(mesh, "c1") == [3])
    }

    @Test func `splits, subsets and copies go to the endpoints of now`() async throws {
        var resources = Self.world(3)
        var forward = RouteAction.Forward(clusters: WeightedClusters(single: "c0"))
        forward.mirrors = [RequestMirror(.cluster("c1"))]
        resources.routeConfigurations["r"]?.virtualHosts[0].routes = [Route(action: .forward(forward))]
        let fixture = try MeshFixture(MeshResources())
        try fixture.mesh.apply(resources, from: "xds")
        for name in ["c0", "c1"] { resources.endpointAssignments[name] = Self.assignment(name, name == "c0" ? 8 : 9) }
        try fixture.mesh.apply(resources, changing: ["c0", "c1"], from: "xds")
        _ = await fixture.send(InMemoryRequest(authority: "svc"))
        await fixture.until { fixture.network.sent.count == 2 }
        #expect(Set(fixture.attemptsByPort.keys) == [8, 9])
    }
}
