// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import Testing

@testable import MeshXDS

@Suite("The client's session machine, incremental")
struct DeltaSessionTests {
    private static let delta = [ADSServer.Traits(variant: .delta)]

    /// Answers every kind once, in the order of the references.
    @discardableResult
    private static func serve(
        _ session: inout ScriptedSession,
        _ resources: MeshResources,
        version: String = "1"
    ) -> MeshResources? {
        var publication: MeshResources?
        for kind in resources.servedKinds {
            publication = session.change(kind, resources, version: version).publication ?? publication
        }
        return publication
    }

    @Test("a stream begins with a wildcard for listeners, and nothing else")
    func firstRequest() {
        var session = ScriptedSession(servers: Self.delta)
        #expect(session.connect().deltas == [.init(kind: .listener)])
    }

    @Test("an inbound listener is subscribed to beside the wildcard")
    func inboundListener() {
        var session = ScriptedSession(servers: Self.delta, inbound: ["in"])
        #expect(session.connect().deltas == [.init(kind: .listener, subscribe: ["*", "in"])])
    }

    @Test("references are followed down, each response has its answer, and one configuration comes out at the end")
    func chain() {
        var session = ScriptedSession.connected(servers: Self.delta)
        let mesh = Fixtures.mesh
        #expect(
            session.change(.listener, mesh).deltas == [
                .init(kind: .listener, nonce: "n1"), .init(kind: .routeConfiguration, subscribe: ["r"]),
            ]
        )
        #expect(
            session.change(.routeConfiguration, mesh).deltas == [
                .init(kind: .routeConfiguration, nonce: "n2"), .init(kind: .cluster, subscribe: ["c"]),
            ]
        )
        #expect(
            session.change(.cluster, mesh).deltas == [
                .init(kind: .cluster, nonce: "n3"), .init(kind: .endpointAssignment, subscribe: ["c"]),
            ]
        )
        let last = session.change(.endpointAssignment, mesh)
        #expect(last.deltas == [.init(kind: .endpointAssignment, nonce: "n4")])
        #expect(last.publication == mesh)
    }

    @Test("a change says what is wanted besides and what not any more, once")
    func changes() {
        var session = ScriptedSession.connected(servers: Self.delta)
        Self.serve(&session, Fixtures.mesh)
        var next = Fixtures.mesh
        next.routeConfigurations["r"] = Fixtures.routes("r", to: "d")
        next.clusters = ["d": Cluster(name: "d")]
        next.endpointAssignments = ["d": Fixtures.endpoints("d", "10.0.0.2")]
        let routes = session.change(.routeConfiguration, next)
        #expect(
            routes.deltas == [
                .init(kind: .routeConfiguration, nonce: "n5"),
                .init(kind: .cluster, subscribe: ["d"], unsubscribe: ["c"]),
            ]
        )
        #expect(routes.publication == nil)
        #expect(
            session.change(.cluster, next).deltas == [
                .init(kind: .cluster, nonce: "n6"),
                .init(kind: .endpointAssignment, subscribe: ["d"], unsubscribe: ["c"]),
            ]
        )
        #expect(session.change(.endpointAssignment, next).publication == next)
    }

    @Test("what a response does not name stays as it is")
    func partialResponses() {
        var session = ScriptedSession.connected(servers: Self.delta)
        var mesh = Fixtures.mesh
        mesh.routeConfigurations["r"] = Fixtures.routes("r", to: "c", "d")
        mesh.clusters["d"] = Cluster(name: "d")
        mesh.endpointAssignments["d"] = Fixtures.endpoints("d", "10.0.0.2")
        #expect(Self.serve(&session, mesh) == mesh)
        mesh.clusters["d"]?.connectTimeout = .seconds(9)
        #expect(session.change(.cluster, mesh, ["d"], version: "2").publication == mesh)
        mesh.endpointAssignments["c"] = Fixtures.endpoints("c", "10.0.0.9")
        #expect(session.change(.endpointAssignment, mesh, ["c"], version: "2").publication == mesh)
        let versions = session.machine.subscriptions[.cluster]?.cached.mapValues(\.version)
        #expect(versions == ["c": "1", "d": "2"])
    }

    @Test("a listener that is removed goes at once, with all that only it used")
    func removedListener() {
        var session = ScriptedSession.connected(servers: Self.delta)
        Self.serve(&session, Fixtures.mesh)
        let reply = session.change(.listener, [], removed: ["l"])
        #expect(reply.publication == MeshResources())
    }

    @Test("a cluster that is removed stays while routes refer to it, for 15 s")
    func removedCluster() {
        var session = ScriptedSession.connected(servers: Self.delta)
        Self.serve(&session, Fixtures.mesh)
        #expect(session.change(.cluster, [], removed: ["c"]).publication == nil)
        #expect(session.advance(14).publication == nil)
        #expect(session.advance(1).publication?.clusters == [:])
        #expect(session.change(.cluster, Fixtures.mesh, version: "2").publication == Fixtures.mesh)
    }

    @Test("a name that is removed before it ever came does not exist, and is not waited for")
    func neverThere() {
        var session = ScriptedSession.connected(servers: Self.delta)
        _ = session.change(.listener, Fixtures.mesh)
        _ = session.change(.routeConfiguration, Fixtures.mesh)
        #expect(session.change(.cluster, [], removed: ["c"]).publication?.clusters == [:])
        #expect(session.machine.nextDeadline == nil)
    }

    @Test("a bad resource is refused by name and does not hold up the good ones beside it")
    func partialRefusal() throws {
        var session = ScriptedSession.connected(servers: Self.delta)
        var mesh = Fixtures.mesh
        mesh.routeConfigurations["r"] = Fixtures.routes("r", to: "bad", "c")
        _ = session.change(.listener, mesh)
        _ = session.change(.routeConfiguration, mesh)
        let good = try #require(Fixtures.packed(mesh, .cluster)["c"])
        let reply = session.change(
            .cluster,
            [
                .init(name: "bad", version: "2", packed: try Fixtures.badCluster("bad")),
                .init(name: "c", version: "2", packed: good),
            ]
        )
        let refusal = "bad: type: discovery type ORIGINAL_DST is not supported"
        #expect(reply.deltas.first == .init(kind: .cluster, nonce: "n3", refusal: refusal))
        #expect(reply.refusal == refusal)
        let published = session.change(.endpointAssignment, mesh).publication
        #expect(published?.clusters.keys.sorted() == ["c"])
    }

    @Test("a refusal answers its response, and no other")
    func refusalIsSaidOnce() throws {
        var session = ScriptedSession.connected(servers: Self.delta)
        Self.serve(&session, Fixtures.mesh)
        _ = session.change(.cluster, [.init(name: "c", version: "2", packed: try Fixtures.badCluster("c"))])
        let reply = session.change(.cluster, Fixtures.mesh, version: "3")
        #expect(reply.deltas == [.init(kind: .cluster, nonce: "n6")])
    }

    @Test("a resource under another name than its own is refused")
    func wrongName() throws {
        var session = ScriptedSession.connected(servers: Self.delta)
        let packed = try #require(Fixtures.packed(Fixtures.mesh, .listener)["l"])
        let reply = session.change(.listener, [.init(name: "m", version: "1", packed: packed)])
        #expect(reply.refusal == "l: the response calls it m")
    }

    @Test("a resource without a message is a sign of life")
    func heartbeat() {
        var session = ScriptedSession.connected(servers: Self.delta)
        Self.serve(&session, Fixtures.mesh)
        let reply = session.change(.cluster, [.init(name: "c", version: "1", packed: nil)])
        #expect(reply.publication == nil && reply.refusal == nil)
    }

    @Test("a new stream says what is known from this server, and asks for the rest")
    func reconnection() {
        var session = ScriptedSession.connected(servers: Self.delta)
        Self.serve(&session, Fixtures.mesh, version: "7")
        session.disconnect()
        #expect(
            session.connect().deltas == [
                .init(kind: .listener, versions: ["l": "7"]),
                .init(kind: .routeConfiguration, subscribe: ["r"], versions: ["r": "7"]),
                .init(kind: .cluster, subscribe: ["c"], versions: ["c": "7"]),
                .init(kind: .endpointAssignment, subscribe: ["c"], versions: ["c": "7"]),
            ]
        )
        // Nothing is late: the server sends only what is new.
        #expect(session.machine.nextDeadline == nil)
        #expect(session.advance(60).publication == nil)
        // What went away meanwhile it says.
        #expect(session.change(.listener, [], removed: ["l"]).publication == MeshResources())
    }

    @Test("another server is told of no versions that are not its own")
    func foreignVersions() {
        var session = ScriptedSession.connected(servers: [.init(), .init(variant: .delta)])
        _ = session.respond(.listener, Fixtures.mesh, version: "p")
        session.disconnect()
        session.disconnect()
        #expect(
            session.connect(to: 1).deltas == [
                .init(kind: .listener), .init(kind: .routeConfiguration, subscribe: ["r"]),
            ]
        )
    }

    @Test("answers to a server that does not read are bounded, and refusals outlast the rest")
    func boundedAnswers() {
        var stream = DeltaStream()
        let subscription = ADSSubscription(isWildcard: true)
        #expect(stream.next(.listener, of: subscription) { [:] }.count == 1)
        stream.responseReceived(.listener, nonce: "bad", refusal: "no")
        for number in 0..<1000 { stream.responseReceived(.listener, nonce: "\(number)", refusal: nil) }
        let answers = stream.next(.listener, of: subscription) { [:] }
        #expect(answers.count == DeltaStream.maximumAnswers)
        #expect(answers.first?.nonce == "bad" && answers.last?.nonce == "999")
    }
}
