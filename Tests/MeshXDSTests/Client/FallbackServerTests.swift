// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import Testing

@testable import MeshXDS

@Suite("Several control planes, in order of preference (gRFC A71)")
struct FallbackServerTests {
    private static let two = [ADSServer.Traits(), ADSServer.Traits()]

    /// `Fixtures.mesh` as another control plane would have it.
    private static var other: MeshResources {
        var mesh = Fixtures.mesh
        mesh.endpointAssignments["c"] = Fixtures.endpoints("c", "10.0.0.2")
        return mesh
    }

    @Test("only the first is asked, as long as it is not out of reach")
    func first() {
        var session = ScriptedSession.connected(servers: Self.two)
        #expect(session.machine.wantedServers == 1)
        // Silence is not failure, as long as nobody has waited long enough.
        _ = session.advance(14)
        #expect(session.machine.wantedServers == 1)
        #expect(session.connect(to: 1).requests == [])
    }

    @Test("the next is asked when the first ends a stream without a response, and serves until the first answers")
    func fallback() {
        var session = ScriptedSession.connected(servers: Self.two)
        #expect(session.disconnect() == false)
        #expect(session.machine.wantedServers == 2)
        let opening = session.connect(to: 1)
        #expect(opening.requests == [.init(kind: .listener, names: [], version: "", nonce: "")])
        #expect(session.serve(Fixtures.mesh, version: "f", from: 1) == Fixtures.mesh)
        // The first is back: it is asked for all that is wanted, and what the other told stays until it answers.
        let names = session.connect().requests.map(\.names)
        #expect(names == [[], ["r"], ["c"], ["c"]])
        #expect(session.machine.wantedServers == 2)
        #expect(session.respond(.listener, Self.other, version: "p").publication == nil)
        #expect(session.machine.wantedServers == 1)
        // What the other still says counts no longer.
        #expect(session.respond(.endpointAssignment, MeshResources(), from: 1) == .init())
        for kind in [ResourceKind.routeConfiguration, .cluster] {
            #expect(session.respond(kind, Self.other, version: "p").publication == nil)
        }
        #expect(session.respond(.endpointAssignment, Self.other, version: "p").publication == Self.other)
    }

    @Test("with everything at hand nobody else is asked, however long the first is away")
    func everythingCached() {
        var session = ScriptedSession.connected(servers: Self.two)
        _ = session.serve(Fixtures.mesh)
        #expect(session.disconnect() == true)
        #expect(session.machine.wantedServers == 1)
        for _ in 0..<3 { session.disconnect() }
        #expect(session.machine.wantedServers == 1)
    }

    @Test("a new route to what nobody has told yet is reason enough, when the first goes away meanwhile")
    func halfAnUpdate() {
        var session = ScriptedSession.connected(servers: Self.two)
        _ = session.serve(Fixtures.mesh)
        var next = Fixtures.mesh
        next.routeConfigurations["r"] = Fixtures.routes("r", to: "c", "d")
        next.clusters["d"] = Cluster(name: "d")
        next.endpointAssignments["d"] = Fixtures.endpoints("d", "10.0.0.4")
        #expect(session.respond(.routeConfiguration, next).publication == nil)
        // The stream had a response: its end says nothing. Only that there is no other one does.
        #expect(session.disconnect() == true)
        #expect(session.machine.wantedServers == 1)
        session.disconnect()
        #expect(session.machine.wantedServers == 2)
        #expect(session.connect(to: 1).requests.map(\.names) == [[], ["r"], ["c", "d"], ["c"]])
        #expect(session.serve(next, from: 1) == next)
    }

    @Test("one after another is asked while none can be reached")
    func threeServers() {
        var session = ScriptedSession(servers: [.init(), .init(), .init()])
        session.disconnect(from: 0)
        #expect(session.machine.wantedServers == 2)
        session.disconnect(from: 0)
        #expect(session.machine.wantedServers == 2)
        session.disconnect(from: 1)
        #expect(session.machine.wantedServers == 3)
        session.connect(to: 2)
        #expect(session.serve(Fixtures.mesh, from: 2) == Fixtures.mesh)
        // The second answers: the third is let go, and the first is still tried.
        session.connect(to: 1)
        _ = session.respond(.listener, Fixtures.mesh, from: 1)
        #expect(session.machine.wantedServers == 2)
    }

    @Test("a server of which nothing can be used does not make the others superfluous")
    func badPrimary() throws {
        var session = ScriptedSession.connected(servers: Self.two)
        session.disconnect()
        session.connect(to: 1)
        _ = session.serve(Fixtures.mesh, from: 1)
        session.connect()
        var message = Envoy_Config_Listener_V3_Listener()
        message.name = "l"
        #expect(session.respond(.listener, [try Fixtures.packed(message)]).refusal != nil)
        #expect(session.machine.wantedServers == 2)
        #expect(session.respond(.listener, Fixtures.mesh).refusal == nil)
        #expect(session.machine.wantedServers == 1)
    }

    @Test("a server that has nothing to say of what it is asked for does not make the others superfluous")
    func emptyPrimary() {
        var session = ScriptedSession.connected(servers: Self.two)
        session.disconnect()
        session.connect(to: 1)
        _ = session.serve(Fixtures.mesh, from: 1)
        session.connect()
        #expect(session.respond(.endpointAssignment, []).publication == nil)
        #expect(session.machine.wantedServers == 2)
        // That there are no listeners is something to say.
        #expect(session.respond(.listener, []).publication == MeshResources())
        #expect(session.machine.wantedServers == 1)
    }

    @Test("each server is told of its own versions, and of nobody else's")
    func versions() {
        var session = ScriptedSession.connected(servers: Self.two)
        _ = session.respond(.listener, Fixtures.mesh, version: "p")
        session.disconnect()
        session.disconnect()
        #expect(session.connect(to: 1).requests.map(\.version) == ["", ""])
        _ = session.respond(.listener, Fixtures.mesh, version: "f", from: 1)
        #expect(session.connect().requests.map(\.version) == ["p", ""])
    }

    @Test("waits run by the stream of the server to go by, and begin anew with another one")
    func waits() {
        var session = ScriptedSession.connected(servers: Self.two)
        _ = session.respond(.listener, Fixtures.mesh)
        _ = session.advance(14)
        session.disconnect()
        session.disconnect()
        #expect(session.machine.nextDeadline == nil)
        session.connect(to: 1)
        #expect(session.machine.nextDeadline == session.now.advanced(by: .seconds(15)))
        _ = session.respond(.listener, Fixtures.mesh, from: 1)
        _ = session.advance(10)
        // A stream that is silent changes nothing.
        session.connect()
        #expect(session.machine.nextDeadline == session.now.advanced(by: .seconds(5)))
        _ = session.respond(.listener, Fixtures.mesh)
        #expect(session.machine.nextDeadline == session.now.advanced(by: .seconds(15)))
    }
}
