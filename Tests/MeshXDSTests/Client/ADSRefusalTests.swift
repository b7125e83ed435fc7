// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import Testing

@testable import MeshXDS

@Suite("What the client's session machine refuses")
struct ADSRefusalTests {
    /// `Fixtures.mesh`, and a listener that this process serves.
    private static func mesh(inboundRoutes: String = "r") -> MeshResources {
        var mesh = Fixtures.mesh
        mesh.listeners["in"] = Listener(
            name: "in",
            direction: .inbound(address: EndpointAddress(host: "10.0.0.1", port: 80), security: .plaintext),
            routes: .named(inboundRoutes)
        )
        return mesh
    }

    /// A listener that every client refuses: it has no address.
    private static func badListener(_ name: String) throws -> PackedResource {
        var message = Envoy_Config_Listener_V3_Listener()
        message.name = name
        return try Fixtures.packed(message)
    }

    /// Routes that every client refuses: two virtual hosts have one domain.
    private static func badRoutes(_ name: String) throws -> PackedResource {
        var host = Envoy_Config_Route_V3_VirtualHost()
        host.name = "h"
        host.domains = ["a.example"]
        var message = Envoy_Config_Route_V3_RouteConfiguration()
        message.name = name
        message.virtualHosts = [host, host]
        return try Fixtures.packed(message)
    }

    /// The listeners of `Fixtures.mesh`, and a bad one.
    private static func listeners(withBad name: String) throws -> [PackedResource] {
        var listeners = Array(Fixtures.packed(Fixtures.mesh, .listener).values)
        listeners.append(try badListener(name))
        return listeners
    }

    /// Answers all kinds but that of listeners.
    private static func serveTheRest(_ session: inout ScriptedSession) -> MeshResources? {
        var publication: MeshResources?
        for kind in [ResourceKind.routeConfiguration, .cluster, .endpointAssignment] {
            publication = session.respond(kind, Fixtures.mesh).publication ?? publication
        }
        return publication
    }

    @Test("without a listener that this process serves and had to refuse, nothing is put in force")
    func inboundListener() throws {
        var session = ScriptedSession.connected(inbound: ["in"])
        let action = session.respond(.listener, try Self.listeners(withBad: "in"))
        #expect(action.requests.first?.refusal?.hasPrefix("in: ") == true)
        let unsettled = Self.serveTheRest(&session)
        #expect(unsettled == nil)
        #expect(session.advance(60).publication == nil)
        // On a new stream neither: that it does not come again does not mean that it does not exist.
        session.disconnect()
        #expect(session.connect().publication == nil)
        #expect(session.advance(60).publication == nil)
        #expect(session.respond(.listener, Self.mesh()).publication == Self.mesh())
    }

    @Test("another bad listener holds up nothing")
    func outboundListener() throws {
        var session = ScriptedSession.connected()
        _ = session.respond(.listener, try Self.listeners(withBad: "other"))
        let published = Self.serveTheRest(&session)
        #expect(published == Fixtures.mesh)
    }

    @Test("the last good listener that this process serves stays in force, and other changes go on")
    func lastGoodInboundListener() throws {
        var session = ScriptedSession.connected(inbound: ["in"])
        #expect(session.serve(Self.mesh()) == Self.mesh())
        let listeners = try Self.listeners(withBad: "in")
        #expect(session.respond(.listener, listeners).publication == nil)
        var changed = Self.mesh()
        changed.endpointAssignments["c"] = Fixtures.endpoints("c", "10.0.0.9")
        #expect(session.respond(.endpointAssignment, changed).publication == changed)
    }

    @Test("a listener that the server has not for this process holds up nothing")
    func absentInboundListener() {
        var session = ScriptedSession.connected(inbound: ["in"])
        let listeners = Array(Fixtures.packed(Fixtures.mesh, .listener).values)
        _ = session.respond(.listener, listeners, absent: ["in"])
        let published = Self.serveTheRest(&session)
        #expect(published == Fixtures.mesh)
    }

    @Test("a listener that this process serves and that never comes is waited for, for 15 seconds")
    func lateInboundListener() {
        var session = ScriptedSession.connected(inbound: ["in"])
        _ = session.respond(.listener, Fixtures.mesh)
        let unsettled = Self.serveTheRest(&session)
        #expect(unsettled == nil)
        #expect(session.advance(15).publication == Fixtures.mesh)
    }

    @Test("the routes of a listener that this process serves are as good as the listener")
    func inboundRoutes() throws {
        var session = ScriptedSession.connected(inbound: ["in"])
        var mesh = Self.mesh(inboundRoutes: "s")
        _ = session.respond(.listener, mesh)
        var routes = Array(Fixtures.packed(mesh, .routeConfiguration).values)
        routes.append(try Self.badRoutes("s"))
        #expect(session.respond(.routeConfiguration, routes).requests.first?.refusal?.hasPrefix("s: ") == true)
        #expect(session.respond(.cluster, mesh).publication == nil)
        #expect(session.respond(.endpointAssignment, mesh).publication == nil)
        mesh.routeConfigurations["s"] = Fixtures.routes("s", to: "c")
        #expect(session.respond(.routeConfiguration, mesh).publication == mesh)
    }

    @Test("every request repeats a refusal, until the next response of its kind")
    func standingRefusal() throws {
        var session = ScriptedSession.connected()
        _ = session.serve(Fixtures.mesh, version: "1")
        let refused = session.respond(.cluster, [try Fixtures.badCluster("c")], version: "2")
        let refusal = try #require(refused.requests.first?.refusal)
        var mesh = Fixtures.mesh
        mesh.routeConfigurations["r"] = Fixtures.routes("r", to: "c", "d")
        mesh.clusters["d"] = Cluster(name: "d")
        mesh.endpointAssignments["d"] = Fixtures.endpoints("d", "10.0.0.2")
        let action = session.respond(.routeConfiguration, mesh, version: "2")
        #expect(action.requests.first?.refusal == nil)
        #expect(
            action.requests.last
                == .init(kind: .cluster, names: ["c", "d"], version: "1", nonce: "n5", refusal: refusal)
        )
        let accepted = session.respond(.cluster, mesh, version: "3")
        #expect(accepted.requests.first == .init(kind: .cluster, names: ["c", "d"], version: "3", nonce: "n7"))
    }

    @Test("a refusal is not repeated on another stream")
    func refusalEndsWithTheStream() throws {
        var session = ScriptedSession.connected()
        _ = session.serve(Fixtures.mesh)
        _ = session.respond(.cluster, [try Fixtures.badCluster("c")], version: "2")
        session.disconnect()
        #expect(session.connect().requests.allSatisfy { $0.refusal == nil })
    }
}
