// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import Testing

@testable import MeshXDS

@Suite("Servers that take a stream and do not answer")
struct SilentServerTests {
    private static func session(_ count: Int = 2, _ traits: ADSServer.Traits = .init()) -> ScriptedSession {
        ScriptedSession.connected(servers: Array(repeating: traits, count: count))
    }

    private func isTold(_ session: inout ScriptedSession, _ server: Int = 0) throws -> Bool {
        session.machine.takeSilence(on: try #require(session.streams[server]))
    }

    @Test("are told of once, 15 s after the first request", arguments: XDSVariant.allCases)
    func silence(variant: XDSVariant) throws {
        var session = Self.session(1, .init(variant: variant))
        #expect(session.machine.nextDeadline == session.now.advanced(by: .seconds(15)))
        _ = session.advance(14)
        #expect(try !isTold(&session))
        _ = session.advance(1)
        #expect(try isTold(&session))
        #expect(try !isTold(&session))
        _ = session.advance(60)
        #expect(try !isTold(&session))
        #expect(session.machine.nextDeadline == nil)
    }

    @Test("have 30 s if they are known to be slow")
    func slowServer() throws {
        var session = Self.session(1, .init(timerIsTransient: true))
        _ = session.advance(29)
        #expect(try !isTold(&session))
        _ = session.advance(1)
        #expect(try isTold(&session))
    }

    @Test("lose nothing by it: what comes at last counts")
    func lateAnswer() throws {
        var session = Self.session(1)
        _ = session.advance(100)
        #expect(session.serve(Fixtures.mesh) == Fixtures.mesh)
        #expect(session.disconnect() == true)
    }

    @Test("are followed by the next one, which has its own time, and take over when they answer")
    func fallback() throws {
        var session = Self.session()
        _ = session.advance(14)
        #expect(session.machine.wantedServers == 1)
        _ = session.advance(1)
        #expect(session.machine.wantedServers == 2)
        session.connect(to: 1)
        var other = Fixtures.mesh
        other.endpointAssignments["c"] = Fixtures.endpoints("c", "10.0.0.2")
        #expect(session.serve(other, from: 1) == other)
        #expect(session.machine.wantedServers == 2)
        #expect(session.serve(Fixtures.mesh) == Fixtures.mesh)
        #expect(session.machine.wantedServers == 1)
    }

    @Test("do not make missing what the next one is only now asked for")
    func freshWaits() throws {
        var session = Self.session()
        #expect(session.serve(Fixtures.mesh) == Fixtures.mesh)
        var changed = Fixtures.mesh
        changed.routeConfigurations["r"] = Fixtures.routes("r", to: "c", "d")
        _ = session.respond(.routeConfiguration, changed, version: "2")
        // Before it tells what `d` is, the first is gone, and its next stream says nothing.
        session.disconnect()
        session.connect()
        #expect(session.advance(15).publication == nil)
        #expect(session.machine.wantedServers == 2)
        session.connect(to: 1)
        #expect(session.advance(14).publication == nil)
        changed.clusters["d"] = Cluster(name: "d")
        changed.endpointAssignments["d"] = Fixtures.endpoints("d", "10.0.0.9")
        #expect(session.serve(changed, from: 1) == changed)
    }

    @Test("are left alone while nothing is lacking: there may be nothing to say")
    func nothingLacking() throws {
        var session = Self.session()
        _ = session.serve(Fixtures.mesh)
        session.disconnect()
        session.connect()
        #expect(session.machine.nextDeadline == nil)
        _ = session.advance(600)
        #expect(try !isTold(&session))
        #expect(session.machine.wantedServers == 1)
    }

    @Test("a stream that ends over a response that is too long is a failure, whatever came before")
    func tooLong() throws {
        var session = Self.session()
        _ = session.respond(.listener, Fixtures.mesh)
        let stream = try #require(session.streams[0])
        #expect(session.machine.streamEnded(stream, to: 0, isFailure: true, at: session.now) == false)
        #expect(session.machine.wantedServers == 2)
    }
}
