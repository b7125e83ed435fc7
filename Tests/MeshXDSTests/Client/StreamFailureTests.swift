// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import Testing

@testable import MeshXDS

@Suite("Streams that fail (gRFC A57)")
struct StreamFailureTests {
    @Test("a stream that ends before any response is a failure, one that ends after it is none")
    func failures() {
        var session = ScriptedSession.connected()
        #expect(session.disconnect() == false)
        session.connect()
        _ = session.respond(.listener, Fixtures.mesh)
        #expect(session.disconnect() == true)
        // Each stream stands for itself.
        session.connect()
        #expect(session.disconnect() == false)
    }

    @Test("even a response that is refused as a whole is a response")
    func refusedResponse() throws {
        var session = ScriptedSession.connected()
        _ = session.respond(.listener, [PackedResource(typeURL: ResourceKind.listener.typeURL, bytes: [0xFF])])
        #expect(session.disconnect() == true)
    }

    @Test("a name is waited for from when the request for it goes out, and not before")
    func waitBeginsWithTheRequest() throws {
        var session = ScriptedSession.connected()
        let stream = try #require(session.streams[0])
        let packed = Array(Fixtures.packed(Fixtures.mesh, .listener).values)
        let response = ADSResponse(
            kind: .listener,
            version: "1",
            nonce: "n",
            resources: packed.map { .init(version: "1", packed: $0) }
        )
        _ = session.machine.responseReceived(response, on: stream, at: session.now)
        #expect(session.machine.nextDeadline == nil)
        session.now = session.now.advanced(by: .seconds(60))
        #expect(session.machine.timePassed(at: session.now) == .init())
        #expect(session.requests().requests.map(\.kind) == [.listener, .routeConfiguration])
        #expect(session.machine.nextDeadline == session.now.advanced(by: .seconds(15)))
    }

    @Test("neither is it when the server was asked for other names before")
    func waitBeginsWithTheNextRequest() throws {
        var session = ScriptedSession.connected()
        let stream = try #require(session.streams[0])
        _ = session.serve(Fixtures.mesh)
        var mesh = Fixtures.mesh
        mesh.routeConfigurations["r"] = Fixtures.routes("r", to: "c", "d")
        let packed = Array(Fixtures.packed(mesh, .routeConfiguration).values)
        let response = ADSResponse(
            kind: .routeConfiguration,
            version: "2",
            nonce: "n",
            resources: packed.map { .init(version: "2", packed: $0) }
        )
        _ = session.machine.responseReceived(response, on: stream, at: session.now)
        for _ in 0..<3 {
            session.now = session.now.advanced(by: .seconds(15))
            #expect(session.machine.timePassed(at: session.now).publication == nil)
        }
        #expect(session.machine.nextDeadline == nil)
        #expect(session.requests().requests.map(\.kind) == [.routeConfiguration, .cluster])
        #expect(session.advance(14).publication == nil)
        #expect(session.advance(1).publication == mesh)
    }

    @Test("what happens on a stream that is over is nobody's concern")
    func staleStream() throws {
        var session = ScriptedSession.connected()
        let old = try #require(session.streams[0])
        session.disconnect()
        session.connect()
        let response = ADSResponse(kind: .listener, version: "1", nonce: "n", resources: [])
        #expect(session.machine.responseReceived(response, on: old, at: session.now) == .init())
        #expect(session.machine.nextRequests(on: old, at: session.now) == [])
        #expect(session.machine.streamEnded(old, to: 0, at: session.now) == false)
        #expect(session.respond(.listener, []).publication == MeshResources())
    }

    @Test("24 hours with a reset every 5 to 60 s lose no subscription", arguments: XDSVariant.allCases)
    func endurance(variant: XDSVariant) async {
        let random = MeshRandom(seed: 24)
        // Encoded once: the test is about the machine.
        let worlds = (0..<12).map { EndurableWorld(cluster: "c\($0 % 3)", host: "10.0.0.\($0 / 3)") }
        var session = ScriptedSession.connected(servers: [.init(variant: variant)])
        var wrong = 0
        var version = 0
        var elapsed: UInt64 = 0
        while elapsed < 24 * 3600 {
            // Other tests are to go on meanwhile.
            await Task.yield()
            let world = worlds[Int(random.below(12))]
            version += 1
            world.serve(&session, variant, version: "\(version)")
            if session.machine.published != world.resources { wrong += 1 }
            let pause = 5 + random.below(56)
            elapsed += pause
            _ = session.advance(pause)
            session.disconnect()
            session.connect()
        }
        #expect(wrong == 0)
        #expect(version > 2000)
        #expect(session.machine.nextDeadline == nil)
    }
}

/// Something to serve, as it stands on the wire.
private struct EndurableWorld {
    let resources: MeshResources
    private let packed: [ResourceKind: [String: PackedResource]]

    init(cluster: String, host: String) {
        resources = MeshResources(
            listeners: [Fixtures.listener("l", routes: "r")],
            routeConfigurations: [Fixtures.routes("r", to: cluster)],
            clusters: [Cluster(name: cluster)],
            endpointAssignments: [Fixtures.endpoints(cluster, host)]
        )
        packed = ResourceEncoder(dialect: .own).encode(resources).resources
    }

    /// Answers in the order of the references.
    func serve(_ session: inout ScriptedSession, _ variant: XDSVariant, version: String) {
        for kind in ADSSessionStateMachine.order {
            let packed = packed[kind] ?? [:]
            switch variant {
            case .stateOfTheWorld: _ = session.respond(kind, Array(packed.values), version: version)
            case .delta:
                let known = session.machine.subscriptions[kind]?.cached ?? [:]
                let items = packed.map { ADSResponse.Item(name: $0.key, version: version, packed: $0.value) }
                _ = session.change(kind, items, removed: Set(known.keys).subtracting(packed.keys).sorted())
            }
        }
    }
}
