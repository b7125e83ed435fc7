// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshRouting
import SwiftProtobuf
import Testing

@testable import MeshXDS

@Suite("A client's runtime")
struct RuntimeSubscriptionTests {
    private static let base = RuntimeLayer(name: "base", values: ["a": .integer(1), "b": .integer(1)])
    private static let canary = RuntimeLayer(name: "canary", values: ["b": .integer(2)])

    private static var resources: MeshResources {
        var resources = Fixtures.mesh
        resources.runtimeLayers = [base, canary]
        return resources
    }

    private static func connected(_ variant: XDSVariant, layers: [String] = ["base", "canary"]) -> ScriptedSession {
        ScriptedSession.connected(servers: [ADSServer.Traits(variant: variant)], layers: layers)
    }

    /// Answers a kind in the form of the stream.
    private static func send(
        _ kind: ResourceKind,
        _ resources: MeshResources,
        to session: inout ScriptedSession,
        _ variant: XDSVariant,
        version: String = "1"
    ) -> ScriptedSession.Reply {
        switch variant {
        case .stateOfTheWorld: session.respond(kind, resources, version: version)
        case .delta: session.change(kind, resources, version: version)
        }
    }

    private static func bad(_ name: String) throws -> PackedResource {
        var message = Envoy_Service_Runtime_V3_Runtime()
        message.name = name
        message.layer.fields["a"] = Google_Protobuf_Value(listValue: .init())
        return try Fixtures.packed(message)
    }

    @Test("is asked for at once by the names that the process has, and nothing is asked for by default")
    func subscription() {
        var session = ScriptedSession(layers: ["base", "canary"])
        let first = session.connect().requests
        #expect(first.map(\.kind) == [.listener, .runtimeLayer])
        #expect(first.last?.names == ["base", "canary"])
        var delta = ScriptedSession(servers: [ADSServer.Traits(variant: .delta)], layers: ["base"])
        #expect(delta.connect().deltas.last == .init(kind: .runtimeLayer, subscribe: ["base"]))
        var without = ScriptedSession()
        #expect(without.connect().requests.map(\.kind) == [.listener])
        #expect(without.serve(Self.resources) == Fixtures.mesh)
    }

    @Test("is waited for, and is part of the configuration in its own order", arguments: XDSVariant.allCases)
    func publication(variant: XDSVariant) {
        var session = Self.connected(variant, layers: ["canary", "base"])
        for kind in ADSSessionStateMachine.order where kind != .runtimeLayer {
            #expect(Self.send(kind, Self.resources, to: &session, variant).publication == nil)
        }
        let reply = Self.send(.runtimeLayer, Self.resources, to: &session, variant)
        #expect(reply.publication?.runtimeLayers == [Self.canary, Self.base])
        #expect(reply.refusal == nil)
        #expect(reply.requests.map(\.kind) + reply.deltas.map(\.kind) == [.runtimeLayer])
        // The later one wins.
        #expect(reply.publication?.runtime["b"] == RuntimeSetting("b", .integer(1), layer: "base"))
    }

    @Test("that changes changes nothing else, and is no change of endpoints", arguments: XDSVariant.allCases)
    func change(variant: XDSVariant) {
        var session = Self.connected(variant)
        for kind in ADSSessionStateMachine.order { _ = Self.send(kind, Self.resources, to: &session, variant) }
        #expect(session.machine.published == Self.resources)
        var next = Self.resources
        next.runtimeLayers[1].values["b"] = .integer(3)
        let reply = Self.send(.runtimeLayer, next, to: &session, variant, version: "2")
        #expect(reply.publication == next)
        #expect(session.machine.changedEndpoints == nil)
        #expect(Self.send(.runtimeLayer, next, to: &session, variant, version: "3").publication == nil)
    }

    @Test("that cannot be used is refused by name, and the last good one stays", arguments: XDSVariant.allCases)
    func refusal(variant: XDSVariant) throws {
        var session = Self.connected(variant)
        for kind in ADSSessionStateMachine.order { _ = Self.send(kind, Self.resources, to: &session, variant) }
        var next = Self.resources
        next.runtimeLayers[0].values["a"] = .integer(9)
        let good = try #require(Fixtures.packed(next, .runtimeLayer)["base"])
        let bad = try Self.bad("canary")
        let reply =
            switch variant {
            case .stateOfTheWorld: session.respond(.runtimeLayer, [good, bad], version: "2")
            case .delta:
                session.change(
                    .runtimeLayer,
                    [
                        .init(name: "base", version: "2", packed: good),
                        .init(name: "canary", version: "2", packed: bad),
                    ]
                )
            }
        #expect(
            reply.refusal
                == "canary: layer.a: must be a number, a truth value, a text or an object, is a list"
        )
        // What is good of the response counts.
        #expect(reply.publication == next)
        let status = session.machine.subscriptions[.runtimeLayer]?.status(of: .runtimeLayer, at: session.now) ?? []
        #expect(status.filter { if case .refused = $0.state { true } else { false } }.map(\.name) == ["canary"])
        #expect(status.map(\.isInUse) == [true, true])
    }

    @Test("that does not come is waited for no longer than anything else")
    func missing() {
        var session = Self.connected(.stateOfTheWorld)
        for kind in ADSSessionStateMachine.order.dropLast() { _ = session.respond(kind, Self.resources) }
        var one = Self.resources
        one.runtimeLayers = [Self.base]
        #expect(session.respond(.runtimeLayer, one).publication == nil)
        #expect(session.advance(14).publication == nil)
        #expect(session.advance(1).publication == one)
        #expect(session.respond(.runtimeLayer, Self.resources, version: "2").publication == Self.resources)
    }

    @Test("that the server deletes goes as other kinds do")
    func deletion() {
        var session = Self.connected(.delta)
        for kind in ADSSessionStateMachine.order { _ = session.change(kind, Self.resources) }
        #expect(session.change(.runtimeLayer, [], removed: ["canary"]).publication == nil)
        #expect(session.advance(15).publication?.runtimeLayers == [Self.base])
    }

    @Test("outlives the stream, and the process in the file of the last good configuration")
    func lastKnownGood() throws {
        var session = Self.connected(.stateOfTheWorld)
        #expect(session.serve(Self.resources) == Self.resources)
        session.disconnect()
        #expect(session.machine.published == Self.resources)
        let entries = session.machine.snapshotEntries
        #expect(entries.filter { $0.kind == .runtimeLayer }.map(\.name) == ["base", "canary"])
        let snapshot = ResourceSnapshot(takenAt: .zero, entries: entries)
        let kept = try SnapshotFormat.decode(SnapshotFormat.encode(snapshot)).entries
        let same = ADSSessionStateMachine(runtimeLayers: ["base", "canary"])
        #expect(try same.configuration(of: kept) == Self.resources)
        // The settings of the process that starts say which layers there are, and in which order.
        let other = ADSSessionStateMachine(runtimeLayers: ["canary", "base", "new"])
        #expect(try other.configuration(of: kept).runtimeLayers == [Self.canary, Self.base])
        #expect(try ADSSessionStateMachine().configuration(of: kept) == Fixtures.mesh)
    }

    @Test("has its fields without effect among those of the configuration")
    func ignored() throws {
        var session = Self.connected(.stateOfTheWorld, layers: ["base"])
        _ = session.serve(Self.resources)
        var packed = try #require(Fixtures.packed(Self.resources, .runtimeLayer)["base"])
        packed.bytes += [0x1A, 0]
        let reply = session.respond(.runtimeLayer, [packed], version: "2")
        #expect(reply.publication?.ignored.map(\.description) == ["runtime layer base: field_3: is not supported"])
    }

    @Test("a name that stands twice counts where it stands last")
    func names() {
        let bootstrap = Bootstrap(server: EndpointAddress(host: "127.0.0.1", port: 1), node: .init(id: "n"))
        let source = XDSConfigSource(bootstrap: bootstrap, runtimeLayers: ["a", "b", "", "a"])
        #expect(source.status.filter { $0.kind == .runtimeLayer }.map(\.name) == ["a", "b"])
        #expect(XDSConfigSource.unique(["a", "b", "", "a"]) == ["b", "a"])
    }
}
