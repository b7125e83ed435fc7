// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import Testing

@testable import MeshXDS

@Suite("Streams that end at every message")
struct StreamEndTests {
    private struct Packed {
        let resources: MeshResources
        private let packed: [ResourceKind: [String: PackedResource]]

        init(host: String) {
            resources = MeshResources(
                listeners: [Fixtures.listener("l", routes: "r")],
                routeConfigurations: [Fixtures.routes("r", to: "c", "d")],
                clusters: [Cluster(name: "c"), Cluster(name: "d")],
                endpointAssignments: [Fixtures.endpoints("c", host), Fixtures.endpoints("d", "10.0.1.1")]
            )
            packed = ResourceEncoder(dialect: .own).encode(resources).resources
        }

        func send(_ kind: ResourceKind, to session: inout ScriptedSession, _ variant: XDSVariant, _ version: Int) {
            let items = (packed[kind] ?? [:]).sorted { $0.key < $1.key }
            switch variant {
            case .stateOfTheWorld: _ = session.respond(kind, items.map(\.value), version: "\(version)")
            case .delta:
                _ = session.change(
                    kind,
                    items.map { .init(name: $0.key, version: "\(version)", packed: $0.value) }
                )
            }
        }
    }

    @Test("lose nothing, wherever they end and however often", arguments: XDSVariant.allCases)
    func everyMessage(variant: XDSVariant) {
        let worlds = ["10.0.0.1", "10.0.0.2"].map { Packed(host: $0) }
        let kinds = ADSSessionStateMachine.order
        for first in 0...kinds.count {
            for second in 0...kinds.count {
                var session = ScriptedSession.connected(servers: [.init(variant: variant)])
                for (version, end) in [first, second].enumerated() {
                    for kind in kinds.prefix(end) { worlds[version].send(kind, to: &session, variant, version) }
                    session.disconnect()
                    session.connect()
                }
                for kind in kinds { worlds[1].send(kind, to: &session, variant, 2) }
                #expect(session.machine.published == worlds[1].resources, "\(first), \(second)")
                #expect(session.machine.nextDeadline == nil)
            }
        }
    }

    @Test("the nonce is the server's affair: one that is empty, or the same each time, is said back as it is")
    func nonces() throws {
        for nonce in ["", "n"] {
            var session = ScriptedSession.connected()
            let stream = try #require(session.streams[0])
            // Nobody asks for secrets or the runtime here.
            for kind in ADSSessionStateMachine.order.prefix(4) {
                let packed = Fixtures.packed(Fixtures.mesh, kind).values
                let response = ADSResponse(
                    kind: kind,
                    version: "1",
                    nonce: nonce,
                    resources: packed.map { .init(version: "1", packed: $0) }
                )
                _ = session.machine.responseReceived(response, on: stream, at: session.now)
                let answer = session.requests().requests.first { $0.kind == kind }
                #expect(answer?.nonce == nonce && answer?.refusal == nil)
            }
            #expect(session.machine.published == Fixtures.mesh)
        }
    }

    @Test("a version that was there before is as good as another", arguments: XDSVariant.allCases)
    func staleVersions(variant: XDSVariant) {
        let worlds = ["10.0.0.1", "10.0.0.2"].map { Packed(host: $0) }
        var session = ScriptedSession.connected(servers: [.init(variant: variant)])
        // It is the bytes that say whether something changed.
        for (world, version) in [(0, 2), (1, 1), (0, 1), (1, 1)] {
            for kind in ADSSessionStateMachine.order { worlds[world].send(kind, to: &session, variant, version) }
            #expect(session.machine.published == worlds[world].resources)
        }
    }
}
