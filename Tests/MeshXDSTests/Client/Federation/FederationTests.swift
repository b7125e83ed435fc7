// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import Testing

@testable import MeshXDS

@Suite("Resources of several authorities (gRFC A47)")
struct FederationTests {
    private typealias World = FederatedWorld
    private static let (a, b) = (1, 2)

    /// A client of services of `a` and `b`, which nobody has told anything yet.
    private static func session(
        _ hosts: [String: String] = [World.listener("a"): "shop:80"],
        others: [ADSServerList.Traits] = [.init(), .init()],
        inbound: Set<String> = [],
        asksForAll: Bool = false
    ) -> ScriptedSession {
        ScriptedSession(
            ADSSessionStateMachine(
                others: others,
                directory: World.directory,
                inboundListeners: inbound,
                targets: hosts.mapValues { [$0] },
                asksForAll: asksForAll
            )
        )
    }

    private static let crossed = World.service(listener: "a", routes: "b", cluster: "a", endpoints: "b")
    private static let hosts = [World.listener("a"): "shop:80"]

    /// A client that has `crossed` in force.
    private static func running() -> ScriptedSession {
        var session = session()
        let (ofA, ofB) = (World.part("a", of: crossed), World.part("b", of: crossed))
        session.connect(of: a)
        _ = session.respond(.listener, ofA, of: a)
        session.connect(of: b)
        _ = session.respond(.routeConfiguration, ofB, of: b)
        _ = session.respond(.cluster, ofA, of: a)
        _ = session.respond(.endpointAssignment, ofB, of: b)
        return session
    }

    @Test func `references are followed from one authority's servers to another's, and nobody else is asked`() {
        var session = Self.session()
        let (ofA, ofB) = (World.part("a", of: Self.crossed), World.part("b", of: Self.crossed))
        #expect(session.machine.serverCounts == [0, 1, 0])
        #expect(session.connect(of: Self.a).requests.map(\.names) == [[World.listener("a")]])
        #expect(session.respond(.listener, ofA, of: Self.a).publication == nil)
        #expect(session.machine.serverCounts == [0, 1, 1])
        let routes = session.connect(of: Self.b).requests
        #expect(routes.map(\.kind) == [.routeConfiguration])
        #expect(routes.map(\.names) == [Array(ofB.routeConfigurations.keys)])
        #expect(session.respond(.routeConfiguration, ofB, of: Self.b).publication == nil)
        let clusters = session.requests(of: Self.a).requests
        #expect(clusters.map(\.kind) == [.cluster] && clusters.map(\.names) == [Array(ofA.clusters.keys)])
        #expect(session.respond(.cluster, ofA, of: Self.a).publication == nil)
        let publication = session.respond(.endpointAssignment, ofB, of: Self.b).publication
        #expect(publication == World.called(Self.crossed, by: Self.hosts))
        // The servers at the top are asked for nothing.
        #expect(session.connect().requests == [])
    }

    @Test func `routes of one authority wait for the clusters of another`() {
        var session = Self.running()
        #expect(session.machine.published == World.called(Self.crossed, by: Self.hosts))
        let name = World.name("a", .cluster, "next")
        var next = Self.crossed
        let routes = World.name("b", .routeConfiguration, "shop")
        next.routeConfigurations[routes] = World.routes(routes, to: name)
        let endpoints = World.name("b", .endpointAssignment, "shop")
        next.clusters = [name: Cluster(name: name, discovery: .endpointDiscovery(serviceName: endpoints))]
        #expect(session.respond(.routeConfiguration, World.part("b", of: next), of: Self.b).publication == nil)
        #expect(session.requests(of: Self.a).requests.map(\.names) == [[name]])
        let publication = session.respond(.cluster, World.part("a", of: next), of: Self.a).publication
        #expect(publication == World.called(next, by: Self.hosts))
    }

    @Test func `what one authority's servers do not have counts as missing after a while`() {
        var session = Self.session()
        session.connect(of: Self.a)
        _ = session.respond(.listener, World.part("a", of: Self.crossed), of: Self.a)
        session.connect(of: Self.b)
        #expect(session.advance(14).publication == nil)
        #expect(session.advance(1).publication == MeshResources())
    }

    @Test(arguments: [
        World.name("nobody", .routeConfiguration, "shop"), World.name("a", .cluster, "shop"), "xdstp:shop",
    ])
    func `a name that belongs to nobody does not exist, is told of once, and nobody is asked for it`(routes: String) {
        var session = Self.session()
        session.connect(of: Self.a)
        let listener = Listener(name: World.listener("a"), routes: .named(routes))
        let reply = session.respond(.listener, MeshResources(listeners: [listener]), of: Self.a)
        #expect(reply.publication == MeshResources() && reply.refusal == nil)
        #expect(reply.requests.map(\.kind) == [.listener])
        #expect(session.machine.serverCounts == [0, 1, 0])
        let strays = session.machine.takeStrays()
        #expect(strays.map(\.path) == ["\(ResourceKind.routeConfiguration.rawValue)[\(routes)]"])
        #expect(session.machine.takeStrays() == [])
        let status = session.machine.status(at: session.now, servers: []).first { $0.name == routes }
        guard case .failed? = status?.state else {
            Issue.record("\(routes) is \(String(describing: status?.state))")
            return
        }
    }

    @Test func `a target of an authority that the bootstrap does not have is told of from the start`() {
        var session = Self.session([World.listener("nobody"): "shop:80"])
        let path = "\(ResourceKind.listener.rawValue)[\(World.listener("nobody"))]"
        #expect(session.machine.takeStrays().map(\.path) == [path])
        #expect(session.machine.serverCounts == [0, 0, 0])
    }

    @Test func `an authority that is out of reach at the start holds up nobody else's services, and joins them later`()
    {
        let hosts = [World.listener("a"): "shop:80", World.listener("b"): "stock:80"]
        var session = Self.session(hosts)
        session.connect(of: Self.a)
        let (ofA, ofB) = (World.service(of: "a"), World.service(of: "b"))
        #expect(session.serve(ofA, of: Self.a) == nil)
        session.disconnect(of: Self.b)
        #expect(session.advance(0).publication == World.called(ofA, by: hosts))
        session.connect(of: Self.b)
        #expect(session.serve(ofB, of: Self.b) == World.called(World.all(ofA, ofB), by: hosts))
    }

    @Test func `an authority whose stream is down keeps what it told, and the others' changes go on`() {
        var session = Self.running()
        for _ in 0..<3 { session.disconnect(of: Self.a) }
        var next = Self.crossed
        let name = World.name("b", .endpointAssignment, "shop")
        next.endpointAssignments[name] = Fixtures.endpoints(name, "10.0.0.9")
        let reply = session.respond(.endpointAssignment, World.part("b", of: next), of: Self.b)
        #expect(reply.publication == World.called(next, by: Self.hosts))
        #expect(session.advance(60).publication == nil)
        #expect(session.machine.published == World.called(next, by: Self.hosts))
    }

    @Test func `news of one authority wait for another that cannot be reached as long as for a name, and not longer`() {
        let hosts = [World.listener("a"): "shop:80", World.listener("b"): "stock:80"]
        var session = Self.session(hosts)
        let (ofA, ofB) = (World.service(of: "a"), World.service(of: "b"))
        session.connect(of: Self.a)
        _ = session.serve(ofA, of: Self.a)
        session.connect(of: Self.b)
        #expect(session.serve(ofB, of: Self.b) == World.called(World.all(ofA, ofB), by: hosts))
        for _ in 0..<2 { session.disconnect(of: Self.b) }
        var next = ofA
        let routes = World.name("a", .routeConfiguration, "shop")
        let (own, foreign) = (World.name("a", .cluster, "shop"), World.name("b", .cluster, "next"))
        next.routeConfigurations[routes] = World.routes(routes, to: own, foreign)
        #expect(session.respond(.routeConfiguration, next, of: Self.a).publication == nil)
        #expect(session.machine.nextDeadline == session.now.advanced(by: .seconds(15)))
        #expect(session.advance(14).publication == nil)
        #expect(session.advance(1).publication == World.called(World.all(next, ofB), by: hosts))
        #expect(session.machine.nextDeadline == nil)
    }

    @Test func `without a listener that this process serves, nothing is put in force, whoever has the rest`() {
        let inbound = World.listener("b", "inbound")
        var session = Self.session(inbound: [inbound])
        session.connect(of: Self.a)
        _ = session.serve(World.service(of: "a"), of: Self.a)
        session.disconnect(of: Self.b)
        #expect(session.advance(60).publication == nil)
        #expect(session.machine.published == nil)
        var stray = Self.session(inbound: [World.listener("nobody", "inbound")])
        stray.connect(of: Self.a)
        #expect(stray.serve(World.service(of: "a"), of: Self.a) == nil)
    }
}
