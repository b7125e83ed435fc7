// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshRouting
import Testing

@testable import MeshXDS

@Suite("A cache of snapshots")
struct SnapshotCacheTests {
    private let cache = SnapshotCache { $0.cluster }
    private let node = XDSNode(id: "n", cluster: "g")

    private func problems(_ resources: MeshResources) -> [String] {
        let error = #expect(throws: ConfigurationError.self) { try cache.publish(resources, to: "g") }
        return error?.problems.map(\.description) ?? []
    }

    @Test("each group has its own, and who has none waits")
    func groups() async throws {
        #expect(await cache.resources(for: node).version == "")
        try cache.publish(Fixtures.mesh, version: "7", to: "g")
        try cache.publish(MeshResources(), to: "other")
        let provided = await cache.resources(for: node)
        #expect(provided.version == "7" && provided.group == "g" && provided.resources == Fixtures.mesh)
        #expect(await cache.resources(for: XDSNode(id: "n", cluster: "other")).resources == MeshResources())
        #expect(cache.groups == ["g", "other"])
        cache.withdraw("g")
        #expect(await cache.resources(for: node).version == "")
    }

    @Test("the same resources keep their version and wake nobody, others get a new one and wake all")
    func versions() async throws {
        var ticks = cache.changes().makeAsyncIterator()
        let first = try cache.publish(Fixtures.mesh, to: "g")
        #expect(await ticks.next() != nil)
        #expect(try cache.publish(Fixtures.mesh, to: "g") == first)
        #expect(try cache.publish(Fixtures.mesh, version: first, to: "g") == first)
        var changed = Fixtures.mesh
        changed.endpointAssignments["c"] = Fixtures.endpoints("c", "10.9.9.9")
        #expect(try cache.publish(changed, to: "g") != first)
        #expect(await ticks.next() != nil)
    }

    @Test("a version that is in force with other resources is refused, and what was in force stays")
    func versionReuse() throws {
        try cache.publish(Fixtures.mesh, version: "1", to: "g")
        #expect(throws: ConfigurationError(path: "version", "1 is in force with other resources")) {
            try cache.publish(MeshResources(), version: "1", to: "g")
        }
        #expect(throws: ConfigurationError.self) { try cache.publish(MeshResources(), version: "", to: "g") }
        #expect(cache.version(of: "g") == "1")
    }

    @Test("names that say whose they are are served like any other, if they are of the right type, in canonical form")
    func newStyleNames() async throws {
        let world = FederatedWorld.service(of: "a")
        try cache.publish(world, to: "g")
        #expect(await cache.resources(for: node).resources == world)
        let type = ResourceKind.cluster.rawValue
        for (name, problem) in [
            (FederatedWorld.listener("a"), "clusters[\(FederatedWorld.listener("a"))]: is the name of a"),
            ("xdstp://a/\(type)/c?y=1&x=2", "is not in canonical form, which is xdstp://a/\(type)/c?x=2&y=1"),
            ("xdstp://a/\(type)", "its name is not xdstp://AUTHORITY/TYPE/ID"),
        ] {
            let found = problems(
                MeshResources(clusters: [Cluster(name: name, discovery: .fixed(.init(name: name, localities: [])))])
            )
            #expect(found.contains { $0.contains(problem) }, "\(found)")
        }
    }

    @Test("what another authority has need not be there, and what the own one has must")
    func otherAuthorities() throws {
        let crossed = FederatedWorld.service(listener: "a", routes: "b", cluster: "a", endpoints: "b")
        for authority in ["a", "b"] {
            #expect(throws: Never.self) {
                try cache.publish(FederatedWorld.part(authority, of: crossed), to: authority)
            }
        }
        var own = FederatedWorld.service(of: "a")
        own.endpointAssignments = [:]
        #expect(problems(own).count == 1)
        own.clusters = [:]
        #expect(problems(own).count == 1)
    }

    @Test("what the resources name has to be there")
    func references() {
        var mesh = Fixtures.mesh
        mesh.routeConfigurations = [:]
        #expect(problems(mesh) == ["listeners[l].routes: there is no route configuration named r"])
        mesh = Fixtures.mesh
        mesh.clusters = [:]
        #expect(
            problems(mesh)
                == ["routeConfigurations[r].virtualHosts[0].routes[0].clusters: there is no cluster named c"]
        )
        mesh = Fixtures.mesh
        mesh.endpointAssignments = [:]
        #expect(problems(mesh) == ["clusters[c]: there is no endpoint assignment named c"])
        mesh = Fixtures.mesh
        mesh.clusters["all"] = Cluster(name: "all", discovery: .aggregate(["c", "d"]))
        #expect(problems(mesh) == ["clusters[all].members: there is no cluster named d"])
        mesh = Fixtures.mesh
        mesh.routeConfigurations["r"]?.mirrors = [RequestMirror(.cluster("m"))]
        #expect(problems(mesh) == ["routeConfigurations[r].mirrors[0]: there is no cluster named m"])
        #expect(cache.version(of: "g") == nil)
    }

    @Test("names that two have, and names that are not a resource's own, are refused")
    func names() {
        let error = #expect(throws: ConfigurationError.self) {
            try cache.publish([.cluster(Cluster(name: "c")), .cluster(Cluster(name: "c"))], to: "g")
        }
        #expect(error?.problems.map(\.description) == ["clusters[c]: stands there twice"])
        var mesh = Fixtures.mesh
        mesh.listeners["other"] = Fixtures.listener("l", routes: "r")
        #expect(problems(mesh) == ["listeners[other]: is named l"])
    }

    @Test("what no client could use is refused")
    func invalid() {
        var mesh = Fixtures.mesh
        mesh.clusters["c"]?.connectTimeout = .zero
        #expect(problems(mesh) == ["clusters[c].connectTimeout: must be greater than 0"])
    }

    @Test("groups and resources are bounded")
    func bounds() throws {
        let small = SnapshotCache(limits: .init(maximumGroups: 1, maximumResources: 3)) { $0.id }
        #expect(throws: ConfigurationError.self) { try small.publish(Fixtures.mesh, to: "a") }
        try small.publish(MeshResources(), to: "a")
        #expect(throws: ConfigurationError(path: "group", "there are 1 groups already")) {
            try small.publish(MeshResources(), to: "b")
        }
        for limits in [SnapshotCache.Limits(maximumGroups: 0), .init(maximumResources: 10_000_001)] {
            #expect(throws: ConfigurationError.self) {
                try SnapshotCache(limits: limits) { $0.id }.publish(MeshResources(), to: "a")
            }
        }
    }
}
