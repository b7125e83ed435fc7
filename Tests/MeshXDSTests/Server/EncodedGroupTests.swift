// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshRouting
import Testing

@testable import MeshXDS

@Suite("What a group of clients is served")
struct EncodedGroupTests {
    private static func world(_ count: Int, host: String = "10.0.0.1") -> MeshResources {
        MeshResources(
            clusters: (0..<count).map { Cluster(name: "c\($0)") },
            endpointAssignments: (0..<count).map { Fixtures.endpoints("c\($0)", $0 == 0 ? host : "10.0.0.1") }
        )
    }

    private static func provided(_ resources: MeshResources, _ version: String) -> ProvidedResources {
        ProvidedResources(resources: resources, version: version, group: "g")
    }

    @Test("is encoded once for all, and after a change what changed alone")
    func encodings() async {
        let groups = EncodedGroups()
        let group = groups.group(named: "g", dialect: .own)
        #expect(groups.group(named: "g", dialect: .own) === group)
        #expect(groups.group(named: "g", dialect: .grpc) !== group)
        for _ in 0..<100 { _ = await group.snapshot(of: Self.provided(Self.world(50), "1")) }
        #expect(groups.cache.encodingCount == 100)
        let before = await group.snapshot(of: Self.provided(Self.world(50), "1"))
        let after = await group.snapshot(of: Self.provided(Self.world(50, host: "10.9.9.9"), "2"))
        #expect(groups.cache.encodingCount == 101)
        #expect(after.changes(since: before.generation)?[.endpointAssignment] == ["c0"])
        #expect(after.changes(since: before.generation)?[.cluster] == [])
        // What did not change is the very same, in bytes and in memory.
        #expect(after.tables[.cluster]?.byName["c7"] === before.tables[.cluster]?.byName["c7"])
    }

    @Test("is shared with other groups, as far as it is the same")
    func sharing() async {
        let groups = EncodedGroups()
        var other = Self.world(10)
        other.listeners["l"] = Fixtures.listener("l", routes: "r")
        let first = await groups.group(named: "a", dialect: .own).snapshot(of: Self.provided(Self.world(10), "1"))
        let second = await groups.group(named: "b", dialect: .own).snapshot(of: Self.provided(other, "1"))
        #expect(groups.cache.encodingCount == 21)
        #expect(first.tables[.cluster]?.byName["c3"] === second.tables[.cluster]?.byName["c3"])
        // It is kept for as long as somebody is served it.
        withExtendedLifetime((first, second)) {}
    }

    @Test("is gone with the last client")
    func lifetime() async {
        let groups = EncodedGroups()
        do {
            let group = groups.group(named: "g", dialect: .own)
            _ = await group.snapshot(of: Self.provided(Self.world(3), "1"))
            #expect(groups.count == 1)
        }
        #expect(groups.count == 0)
        _ = await groups.group(named: "g", dialect: .own).snapshot(of: Self.provided(Self.world(3), "1"))
        #expect(groups.cache.encodingCount == 12)
    }

    @Test("versions come from the bytes alone")
    func versions() async {
        let first = await EncodedGroups().group(named: "g", dialect: .own).snapshot(
            of: Self.provided(Self.world(2), "1")
        )
        let second = await EncodedGroups().group(named: nil, dialect: .own).snapshot(
            of: Self.provided(Self.world(2), "x")
        )
        for kind in [ResourceKind.cluster, .endpointAssignment] {
            #expect(first.tables[kind]?.sorted == second.tables[kind]?.sorted)
        }
        // XXH64 of no bytes, seed 0.
        let empty = EncodedResource(name: "", packed: PackedResource(typeURL: "t", bytes: []))
        #expect(empty.version == 17_241_709_254_077_376_921)
        #expect(EncodedResource(name: "", clientVersion: empty.versionText) == empty)
    }

    @Test("a stream that is far behind compares everything")
    func history() async {
        let group = EncodedGroups().group(named: "g", dialect: .own)
        var generations: [UInt64] = []
        var last: EncodedSnapshot?
        for number in 0..<40 {
            let snapshot = await group.snapshot(of: Self.provided(Self.world(3, host: "10.1.0.\(number)"), "\(number)"))
            generations.append(snapshot.generation)
            last = snapshot
        }
        #expect(last?.changes(since: generations[39]) == [:])
        #expect(last?.changes(since: generations[30])?[.endpointAssignment] == ["c0"])
        #expect(last?.changes(since: generations[5]) == nil)
        let large = await group.snapshot(of: Self.provided(Self.world(5000), "large"))
        #expect(large.changes(since: generations[39]) == nil)
    }

    @Test("a listener is found under the names that people write, in the dialect of the client")
    func aliases() async {
        let group = EncodedGroups().group(named: "g", dialect: .grpc)
        let routes = RouteConfiguration(
            name: "r",
            virtualHosts: [VirtualHost(name: "h", domains: [.exact("reviews")], routes: [])]
        )
        let mesh = MeshResources(listeners: [Fixtures.listener("full", routes: "r")], routeConfigurations: [routes])
        let snapshot = await group.snapshot(of: Self.provided(mesh, "1"))
        let found = snapshot.aliases.listeners(named: ["Reviews", "full", "nobody"])
        #expect(Array(found.keys) == ["Reviews"])
        #expect(found["Reviews"]?.name == "Reviews")
    }

    @Test("has no listeners without an address for Envoy, which acknowledges and drops them, and says so")
    func apiListeners() async {
        let groups = EncodedGroups()
        var mesh = Self.world(1)
        mesh.listeners["l"] = Fixtures.listener("l", routes: "r")
        mesh.listeners["bound"] = Listener(
            name: "bound",
            direction: .inbound(address: EndpointAddress(host: "10.0.0.1", port: 80), security: .plaintext),
            routes: .named("r")
        )
        // As istiod has them for sidecars: for requests that are led there from elsewhere.
        mesh.listeners["captured"] = Fixtures.listener("captured", routes: "r")
        mesh.listeners["captured"]?.capturedAddress = EndpointAddress(host: "0.0.0.0", port: 9080)
        let envoy = groups.group(named: "g", dialect: .envoy, takesAPIListeners: false)
        let unknown = groups.group(named: "g", dialect: .envoy)
        #expect(envoy !== unknown)
        let bound = await envoy.snapshot(of: Self.provided(mesh, "1"))
        #expect(bound.tables[.listener]?.sorted.map(\.name) == ["bound", "captured"])
        #expect(bound.reports.map(\.path) == ["listeners"])
        #expect(bound.aliases.listeners(named: ["reviews"]).isEmpty)
        let all = await unknown.snapshot(of: Self.provided(mesh, "1"))
        #expect(all.tables[.listener]?.sorted.map(\.name) == ["bound", "captured", "l"])
        #expect(all.reports.isEmpty)
        #expect(!XDSNode(id: "a", userAgentName: "envoy").takesAPIListeners)
        #expect(XDSNode(id: "a").takesAPIListeners && XDSNode(id: "a", userAgentName: "gRPC Go").takesAPIListeners)
    }
}
