// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshRouting
import SwiftProtobuf
import Testing

@testable import MeshXDS

@Suite("The client's session machine")
struct ADSSessionStateMachineTests {
    @Test("a stream begins with a wildcard for listeners, and nothing else")
    func firstRequest() {
        var session = ScriptedSession()
        let action = session.connect()
        #expect(action.requests == [.init(kind: .listener, names: [], version: "", nonce: "")])
        #expect(action.publication == nil)
    }

    @Test("an inbound listener is named beside the wildcard")
    func inboundListener() {
        var session = ScriptedSession(inbound: ["in/10.0.0.1:80"])
        #expect(session.connect().requests.map(\.names) == [["*", "in/10.0.0.1:80"]])
    }

    @Test("references are followed down, each response is acknowledged, and one configuration comes out at the end")
    func chain() {
        var session = ScriptedSession.connected()
        let mesh = Fixtures.mesh
        let listener = session.respond(.listener, mesh, version: "7")
        #expect(
            listener.requests == [
                .init(kind: .listener, names: [], version: "7", nonce: "n1"),
                .init(kind: .routeConfiguration, names: ["r"], version: "", nonce: ""),
            ]
        )
        let routes = session.respond(.routeConfiguration, mesh, version: "7")
        #expect(
            routes.requests == [
                .init(kind: .routeConfiguration, names: ["r"], version: "7", nonce: "n2"),
                .init(kind: .cluster, names: ["c"], version: "", nonce: ""),
            ]
        )
        let clusters = session.respond(.cluster, mesh, version: "7")
        #expect(clusters.requests.map(\.kind) == [.cluster, .endpointAssignment])
        let endpoints = session.respond(.endpointAssignment, mesh, version: "7")
        #expect(endpoints.requests == [.init(kind: .endpointAssignment, names: ["c"], version: "7", nonce: "n4")])
        #expect([listener, routes, clusters].allSatisfy { $0.publication == nil })
        #expect(endpoints.publication == mesh)
    }

    @Test("clusters that get copies, and those of trees of conditions, are asked for like those of routes")
    func clustersOfAllRoutes() {
        func forward(_ cluster: String, copies: String? = nil) -> Route {
            var action = RouteAction.Forward(clusters: WeightedClusters(single: cluster))
            action.mirrors = copies.map { [RequestMirror(.cluster($0))] }
            return Route(match: RouteMatch(path: PathMatcher(.prefix("/"))), action: .forward(action))
        }
        let list = VirtualHost.RouteList([forward("of a tree", copies: "of its route")])
        let tree = VirtualHost(
            name: "tree",
            domains: [.exact("tree")],
            routes: [],
            matcher: MatcherTree(.prefix(.queryParameter("to"), ["a": .init(.action(list))])),
            mirrors: [RequestMirror(.cluster("of the host"))]
        )
        let plain = VirtualHost(name: "plain", domains: [.exact("plain")], routes: [forward("c", copies: "of a route")])
        let routes = RouteConfiguration(
            name: "r",
            virtualHosts: [tree, plain],
            mirrors: [RequestMirror(.cluster("of the table")), RequestMirror(.header("to"))]
        )
        #expect(
            Set(routes.clusterNames) == [
                "c", "of a tree", "of its route", "of the host", "of a route", "of the table",
            ]
        )
        #expect(routes.clusterNames.count == 6)
    }

    @Test("a bad resource is refused by name, keeps the version, and does not hold up the good ones beside it")
    func partialRefusal() throws {
        var session = ScriptedSession.connected()
        var mesh = Fixtures.mesh
        mesh.routeConfigurations["r"] = Fixtures.routes("r", to: "c", "bad")
        _ = session.respond(.listener, mesh)
        _ = session.respond(.routeConfiguration, mesh)
        let action = session.respond(
            .cluster,
            [try #require(Fixtures.packed(mesh, .cluster)["c"]), try Fixtures.badCluster("bad")],
            version: "2"
        )
        let reply = try #require(action.requests.first)
        #expect(reply.version == "" && reply.nonce == "n3")
        #expect(reply.refusal == "bad: type: discovery type ORIGINAL_DST is not supported")
        let published = session.respond(.endpointAssignment, mesh).publication
        #expect(published?.clusters.keys.sorted() == ["c"])
    }

    @Test("after a refusal the last good resource stays in use, and the next good response is acknowledged")
    func refusalKeepsTheLastGood() throws {
        var session = ScriptedSession.connected()
        _ = session.serve(Fixtures.mesh, version: "1")
        let refusal = session.respond(.cluster, [try Fixtures.badCluster("c")], version: "2")
        #expect(refusal.publication == nil)
        #expect(refusal.requests.first?.version == "1")
        #expect(refusal.requests.first?.refusal != nil)
        let state = session.machine.subscriptions[.cluster]?.status(of: .cluster, at: session.now).first?.state
        #expect(state == .refused("type: discovery type ORIGINAL_DST is not supported"))
        var mesh = Fixtures.mesh
        mesh.clusters["c"]?.connectTimeout = .seconds(9)
        let accepted = session.respond(.cluster, mesh, version: "3")
        #expect(accepted.requests.first == .init(kind: .cluster, names: ["c"], version: "3", nonce: "n6"))
        #expect(accepted.publication == mesh)
    }

    @Test("a name that appears twice in a response is refused")
    func duplicates() throws {
        var session = ScriptedSession.connected()
        let packed = try #require(Fixtures.packed(Fixtures.mesh, .listener)["l"])
        let action = session.respond(.listener, [packed, packed])
        #expect(action.requests.first?.refusal == "l: the response has this resource twice")
    }

    @Test("bytes that are no message, and resources of another kind, are refused")
    func garbage() throws {
        var session = ScriptedSession.connected()
        let action = session.respond(
            .listener,
            [
                PackedResource(typeURL: ResourceKind.listener.typeURL, bytes: [0xFF, 0xFF, 0xFF]),
                PackedResource(typeURL: ResourceKind.cluster.typeURL, bytes: []),
            ]
        )
        let refusal = try #require(action.requests.first?.refusal)
        #expect(refusal.contains("is no valid envoy.config.listener.v3.Listener"))
        #expect(refusal.contains("is a envoy.config.cluster.v3.Cluster, not a envoy.config.listener.v3.Listener"))
        #expect(action.publication == nil)
    }

    @Test("resources that nobody asked for are tolerated and left out, whole kinds too")
    func unrequested() {
        var session = ScriptedSession.connected()
        #expect(session.respond(.cluster, Fixtures.mesh) == .init())
        _ = session.respond(.listener, Fixtures.mesh)
        var mesh = Fixtures.mesh
        mesh.routeConfigurations["other"] = Fixtures.routes("other", to: "elsewhere")
        let action = session.respond(.routeConfiguration, mesh)
        #expect(action.requests.map(\.refusal) == [nil, nil])
        #expect(action.requests.last?.names == ["c"])
    }

    @Test("the same resources again change nothing")
    func unchanged() {
        var session = ScriptedSession.connected()
        _ = session.serve(Fixtures.mesh, version: "1")
        #expect(session.serve(Fixtures.mesh, version: "2") == nil)
    }

    @Test("a new route waits for its cluster and endpoints; the old configuration stays meanwhile")
    func makeBeforeBreak() {
        var session = ScriptedSession.connected()
        _ = session.serve(Fixtures.mesh)
        let next = MeshResources(
            listeners: [Fixtures.listener("l", routes: "r")],
            routeConfigurations: [Fixtures.routes("r", to: "d")],
            clusters: [Cluster(name: "d")],
            endpointAssignments: [Fixtures.endpoints("d", "10.0.0.2")]
        )
        let routes = session.respond(.routeConfiguration, next)
        #expect(routes.publication == nil)
        #expect(routes.requests.last?.names == ["d"])
        #expect(session.respond(.cluster, next).publication == nil)
        #expect(session.respond(.endpointAssignment, next).publication == next)
    }

    @Test("a cluster that never comes is missing after 15 seconds, and unblocks the rest")
    func clusterDoesNotExist() {
        var session = ScriptedSession.connected()
        _ = session.respond(.listener, Fixtures.mesh)
        _ = session.respond(.routeConfiguration, Fixtures.mesh)
        _ = session.respond(.cluster, [])
        #expect(session.machine.nextDeadline == session.now.advanced(by: .seconds(15)))
        #expect(session.advance(14).publication == nil)
        let published = session.advance(1).publication
        #expect(published?.listeners.keys.sorted() == ["l"])
        #expect(published?.clusters == [:])
        #expect(session.machine.nextDeadline == nil)
        // When it comes after all, it is taken.
        _ = session.respond(.cluster, Fixtures.mesh)
        #expect(session.respond(.endpointAssignment, Fixtures.mesh).publication == Fixtures.mesh)
    }

    @Test("endpoints that never come leave a cluster without endpoints")
    func endpointsDoNotExist() {
        var session = ScriptedSession.connected()
        _ = session.respond(.listener, Fixtures.mesh)
        _ = session.respond(.routeConfiguration, Fixtures.mesh)
        _ = session.respond(.cluster, Fixtures.mesh)
        let published = session.advance(15).publication
        #expect(published?.clusters.keys.sorted() == ["c"])
        #expect(published?.endpointAssignments == [:])
    }

    @Test("a listener whose routes never come is left out")
    func routesDoNotExist() {
        var session = ScriptedSession.connected()
        _ = session.respond(.listener, Fixtures.mesh)
        #expect(session.advance(15).publication == MeshResources())
    }

    @Test("what the server says does not exist is not waited for")
    func absentNames() {
        var session = ScriptedSession.connected()
        _ = session.respond(.listener, Fixtures.mesh)
        _ = session.respond(.routeConfiguration, Fixtures.mesh)
        let published = session.respond(.cluster, [], absent: ["c", "unheard of"]).publication
        #expect(published?.routeConfigurations.keys.sorted() == ["r"])
        #expect(published?.clusters == [:])
    }

    @Test("waits run only while there is a stream")
    func waitsStopWithTheStream() {
        var session = ScriptedSession.connected()
        _ = session.respond(.listener, Fixtures.mesh)
        _ = session.advance(10)
        session.disconnect()
        #expect(session.machine.nextDeadline == nil)
        #expect(session.advance(60).publication == nil)
        session.connect()
        #expect(session.advance(14).publication == nil)
        #expect(session.advance(1).publication == MeshResources())
    }

    @Test("a listener that a response leaves out is deleted, with all that only it used")
    func listenerDeletion() {
        var session = ScriptedSession.connected()
        var mesh = Fixtures.mesh
        mesh.listeners["m"] = Fixtures.listener("m", routes: "s")
        mesh.routeConfigurations["s"] = Fixtures.routes("s", to: "d")
        mesh.clusters["d"] = Cluster(name: "d")
        mesh.endpointAssignments["d"] = Fixtures.endpoints("d", "10.0.0.2")
        #expect(session.serve(mesh) == mesh)
        let action = session.respond(.listener, Fixtures.mesh)
        #expect(action.publication == Fixtures.mesh)
        #expect(action.requests.map(\.names) == [[], ["r"], ["c"], ["c"]])
    }

    @Test("a cluster that a response leaves out stays while routes still refer to it, for 15 seconds")
    func clusterDeletion() {
        var session = ScriptedSession.connected()
        _ = session.serve(Fixtures.mesh)
        #expect(session.respond(.cluster, []).publication == nil)
        #expect(session.advance(14).publication == nil)
        let action = session.advance(1)
        #expect(action.publication?.clusters == [:])
        #expect(action.publication?.routeConfigurations == Fixtures.mesh.routeConfigurations)
        // An empty list of endpoints would mean all of them to some servers: the last names are asked for on.
        #expect(action.requests == [])
        #expect(session.respond(.endpointAssignment, Fixtures.mesh).requests.map(\.names) == [["c"]])
    }

    @Test("other changes go on while a deleted cluster is kept")
    func changesDuringDeletion() {
        var session = ScriptedSession.connected()
        _ = session.serve(Fixtures.mesh)
        _ = session.respond(.cluster, [])
        var mesh = Fixtures.mesh
        mesh.endpointAssignments["c"] = Fixtures.endpoints("c", "10.0.0.9")
        #expect(session.respond(.endpointAssignment, mesh).publication == mesh)
    }

    @Test("routes and endpoints that a response leaves out stay: such responses are partial")
    func partialKinds() {
        var session = ScriptedSession.connected()
        _ = session.serve(Fixtures.mesh)
        #expect(session.respond(.routeConfiguration, []).publication == nil)
        #expect(session.respond(.endpointAssignment, []).publication == nil)
        #expect(session.advance(60).publication == nil)
    }

    @Test("a new stream asks for everything again, with the versions that were taken last and no nonces")
    func reconnection() {
        var session = ScriptedSession.connected()
        _ = session.serve(Fixtures.mesh, version: "5")
        session.disconnect()
        let action = session.connect()
        #expect(
            action.requests == [
                .init(kind: .listener, names: [], version: "5", nonce: ""),
                .init(kind: .routeConfiguration, names: ["r"], version: "5", nonce: ""),
                .init(kind: .cluster, names: ["c"], version: "5", nonce: ""),
                .init(kind: .endpointAssignment, names: ["c"], version: "5", nonce: ""),
            ]
        )
        #expect(action.publication == nil)
        #expect(session.advance(60).publication == nil)
    }

    @Test("endpoints go by the service name of their cluster")
    func serviceName() {
        var session = ScriptedSession.connected()
        var mesh = Fixtures.mesh
        mesh.clusters["c"]?.discovery = .endpointDiscovery(serviceName: "s")
        _ = session.respond(.listener, mesh)
        _ = session.respond(.routeConfiguration, mesh)
        #expect(session.respond(.cluster, mesh).requests.last?.names == ["s"])
    }

    @Test("a first response of which nothing is good publishes nothing")
    func nothingGood() throws {
        var session = ScriptedSession.connected()
        var message = Envoy_Config_Listener_V3_Listener()
        message.name = "l"
        #expect(session.respond(.listener, [try Fixtures.packed(message)]).publication == nil)
        #expect(session.respond(.listener, []).publication == MeshResources())
    }

    @Test("fields without effect are kept for the operator to see")
    func ignoredFields() throws {
        var session = ScriptedSession.connected()
        _ = session.respond(.listener, Fixtures.mesh)
        var message = Envoy_Config_Route_V3_RouteConfiguration()
        message.name = "r"
        var host = Envoy_Config_Route_V3_VirtualHost()
        host.name = "h"
        host.domains = ["*"]
        host.requestBodyBufferLimit = .init()
        message.virtualHosts = [host]
        _ = session.respond(.routeConfiguration, [try Fixtures.packed(message)])
        let status = session.machine.subscriptions[.routeConfiguration]?.status(
            of: .routeConfiguration,
            at: session.now
        )
        let path = "virtual_hosts[0].request_body_buffer_limit"
        #expect(status?.map(\.ignored) == [[.init(path: path, reason: "is not supported")]])
        #expect(status?.map(\.state) == [.acknowledged])
    }
}
