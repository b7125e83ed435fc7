// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import Testing

@testable import MeshXDS

@Suite("Lists of control planes beside each other")
struct ServerListTests {
    private typealias World = FederatedWorld
    private static let (a, b) = (1, 2)

    private static func session(
        _ hosts: [String: String],
        others: [ADSServerList.Traits] = [.init(), .init()],
        asksForAll: Bool = false
    ) -> ScriptedSession {
        ScriptedSession(
            ADSSessionStateMachine(
                others: others,
                directory: World.directory,
                targets: hosts.mapValues { [$0] },
                asksForAll: asksForAll
            )
        )
    }

    @Test func `each list has its own fallback`() {
        let hosts = [World.listener("a"): "shop", World.listener("b"): "stock"]
        var session = Self.session(
            hosts,
            others: [.init(servers: [.init(), .init()]), .init(servers: [.init(), .init()])]
        )
        session.connect(of: Self.a)
        session.connect(of: Self.b)
        _ = session.serve(World.service(of: "b"), of: Self.b)
        #expect(session.machine.serverCounts == [0, 1, 1])
        session.disconnect(of: Self.a)
        #expect(session.machine.serverCounts == [0, 2, 1])
        session.connect(to: 1, of: Self.a)
        #expect(session.serve(World.service(of: "a"), from: 1, of: Self.a) != nil)
        session.connect(of: Self.a)
        _ = session.respond(.listener, World.service(of: "a"), of: Self.a)
        #expect(session.machine.serverCounts == [0, 1, 1])
    }

    @Test func `each server hears its own versions and nonces`() {
        let hosts = [World.listener("a"): "shop", World.listener("b"): "stock"]
        var session = Self.session(hosts)
        session.connect(of: Self.a)
        session.connect(of: Self.b)
        let toA = session.respond(.listener, World.service(of: "a"), version: "7", of: Self.a).requests
        let toB = session.respond(.listener, World.service(of: "b"), version: "3", of: Self.b).requests
        #expect(toA.first == .init(kind: .listener, names: [World.listener("a")], version: "7", nonce: "n1"))
        #expect(toB.first == .init(kind: .listener, names: [World.listener("b")], version: "3", nonce: "n2"))
    }

    @Test func `servers may tell only of names that are theirs`() {
        var session = Self.session([World.listener("a"): "shop"], asksForAll: true)
        session.connect()
        // The wildcard takes all listeners, but not in another's name.
        let reply = session.respond(.listener, World.all(World.service(of: "a"), Fixtures.mesh))
        #expect(reply.refusal?.contains(World.listener("a")) == true)
        #expect(session.machine.servers.cached(.listener, World.listener("a")) == nil)
        #expect(session.machine.servers.cached(.listener, "l") != nil)
    }

    @Test func `a list that nothing refers to any more is let go of after a while, with all that it told`() {
        let hosts = [World.listener("a"): "shop"]
        var session = Self.session(hosts)
        session.connect(of: Self.a)
        let crossed = World.service(listener: "a", routes: "b", cluster: "b", endpoints: "b")
        _ = session.respond(.listener, crossed, of: Self.a)
        session.connect(of: Self.b)
        let ofB = World.part("b", of: crossed)
        for kind in [ResourceKind.routeConfiguration, .cluster] { _ = session.respond(kind, ofB, of: Self.b) }
        let first = session.respond(.endpointAssignment, ofB, of: Self.b).publication
        #expect(first == World.called(crossed, by: hosts))
        let own = World.service(of: "a", at: "10.0.0.2")
        #expect(session.serve(own, of: Self.a) == World.called(own, by: hosts))
        #expect(session.machine.serverCounts == [0, 1, 1])
        _ = session.advance(14)
        #expect(session.machine.serverCounts == [0, 1, 1])
        #expect(session.advance(1).publication == nil)
        #expect(session.machine.serverCounts == [0, 1, 0])
        #expect(session.machine.servers.cached(.cluster, World.name("b", .cluster, "shop")) == nil)
        // It is asked again as if for the first time.
        _ = session.respond(.listener, crossed, version: "2", of: Self.a)
        #expect(session.machine.serverCounts == [0, 1, 1])
        #expect(session.connect(of: Self.b).requests.map(\.version) == [""])
    }

    @Test func `context parameters mean the same in whatever order they stand`() throws {
        let name = "xdstp://a/\(ResourceKind.listener.rawValue)/shop?x=1&y=2"
        var session = Self.session([name: "shop"])
        #expect(session.connect(of: Self.a).requests.map(\.names) == [[name]])
        let other = "xdstp://a/\(ResourceKind.listener.rawValue)/shop?y=2&x=1"
        let listener = Listener(name: other, routes: .inline(World.routes("r", to: "nobody")))
        let reply = session.respond(.listener, MeshResources(listeners: [listener]), of: Self.a)
        #expect(reply.refusal == nil)
        #expect(session.machine.servers.cached(.listener, name)?.resource.name == name)
    }

    @Test func `a cluster with a name of the new style says what its endpoints are called`() throws {
        var message = Envoy_Config_Cluster_V3_Cluster()
        message.name = World.name("a", .cluster, "shop")
        message.type = .eds
        message.edsClusterConfig.edsConfig.ads = .init()
        let refused = ResourceDecoder().decode(try Fixtures.packed(message), as: .cluster)
        guard case .failure(let error) = refused.result else {
            Issue.record("it is taken")
            return
        }
        #expect(error.problems.map(\.path) == ["eds_cluster_config.service_name"])
        message.edsClusterConfig.serviceName = "shop"
        let taken = ResourceDecoder().decode(try Fixtures.packed(message), as: .cluster)
        #expect(throws: Never.self) { try taken.result.get() }
    }

    @Test func `what was kept of several authorities comes back as it was`() throws {
        let hosts = [World.listener("a"): "shop"]
        let crossed = World.service(listener: "a", routes: "b", cluster: "a", endpoints: "b")
        var session = Self.session(hosts)
        let untold = session.machine
        session.connect(of: Self.a)
        _ = session.respond(.listener, World.part("a", of: crossed), of: Self.a)
        session.connect(of: Self.b)
        _ = session.respond(.routeConfiguration, World.part("b", of: crossed), of: Self.b)
        _ = session.respond(.cluster, World.part("a", of: crossed), of: Self.a)
        _ = session.respond(.endpointAssignment, World.part("b", of: crossed), of: Self.b)
        let entries = session.machine.snapshotEntries
        #expect(entries.count == 4)
        #expect(try untold.configuration(of: entries) == session.machine.published)
        #expect(throws: ConfigurationError.self) { try ADSSessionStateMachine().configuration(of: entries) }
    }

    @Test func `what was kept stands in for a list that cannot be reached, until that tells itself`() {
        let hosts = [World.listener("a"): "shop", World.listener("b"): "stock"]
        let (ofA, ofB) = (World.service(of: "a"), World.service(of: "b"))
        var session = Self.session(hosts)
        session.connect(of: Self.a)
        session.connect(of: Self.b)
        _ = session.serve(ofA, of: Self.a)
        #expect(session.serve(ofB, of: Self.b) != nil)
        let entries = session.machine.snapshotEntries
        var next = Self.session(hosts)
        next.machine.awaitsKept = true
        next.connect(of: Self.a)
        let news = World.service(of: "a", at: "10.0.0.7")
        _ = next.serve(news, of: Self.a)
        next.disconnect(of: Self.b)
        // Nobody knows yet what there is.
        #expect(next.advance(0).publication == nil)
        next.machine.keptRead(entries)
        #expect(next.advance(0).publication == World.called(World.all(news, ofB), by: hosts))
        #expect(next.connect(of: Self.b).requests.map(\.version) == ["", "", "", ""])
        let other = World.service(of: "b", at: "10.0.0.8")
        #expect(next.serve(other, of: Self.b) == World.called(World.all(news, other), by: hosts))
    }

    @Test func `a status says which control plane a resource is from, or is asked of`() {
        var session = Self.session([World.listener("a"): "shop", World.listener("b"): "stock"])
        session.connect(of: Self.a)
        _ = session.respond(.listener, World.service(of: "a"), of: Self.a)
        let status = session.machine.status(at: session.now, servers: [["top"], ["x"], ["y"]])
        let servers = Dictionary(uniqueKeysWithValues: status.map { ($0.name, $0.server) })
        #expect(servers[World.listener("a")] == "x" && servers[World.listener("b")] == "y")
    }
}
