// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import Testing

@testable import MeshXDS

@Suite("Control planes that misbehave")
struct FaultyServerTests {
    private static let kinds = ADSSessionStateMachine.order

    @Test(
        "whatever they send, and wherever streams end, the client ends up with what a good one has",
        arguments: XDSVariant.allCases
    )
    func convergence(variant: XDSVariant) async throws {
        let random = MeshRandom(seed: 71)
        let worlds = (0..<8).map { PackedWorld(number: $0) }
        let traits = ADSServer.Traits(variant: variant)
        var session = ScriptedSession.connected(servers: [traits, traits])
        var converged = 0
        for round in 0..<400 {
            // Other tests are to go on meanwhile.
            await Task.yield()
            for _ in 0..<random.below(12) { try misbehave(&session, worlds, variant, random) }
            // The first is well again; the stream may be in any state.
            if session.streams[0] == nil || random.below(2) == 0 {
                session.disconnect()
                session.connect()
            }
            let world = worlds[Int(random.below(8))]
            for kind in Self.kinds { send(kind, world.items(kind, version: "\(round)"), to: &session, variant) }
            if session.machine.published == world.resources { converged += 1 }
        }
        #expect(converged == 400)
        // Nothing piles up of what was sent in vain.
        for subscription in session.machine.subscriptions.values {
            #expect(subscription.cached.count <= 8 && subscription.problems.count <= 8)
        }
    }

    /// One of the things that a server should not do.
    private func misbehave(
        _ session: inout ScriptedSession,
        _ worlds: [PackedWorld],
        _ variant: XDSVariant,
        _ random: MeshRandom
    ) throws {
        let kind = Self.kinds[Int(random.below(4))]
        let server = Int(random.below(2))
        var items = worlds[Int(random.below(8))].items(kind, version: "\(random.below(10))")
        switch random.below(8) {
        case 0:
            session.disconnect(from: server)
            return
        case 1:
            session.connect(to: server)
            return
        case 2: items += items
        case 3: items.append(.init(name: "x", version: "", packed: try Fixtures.badCluster("x")))
        case 4:
            let noise = (0..<random.below(64)).map { _ in UInt8(random.below(256)) }
            items.append(.init(version: "", packed: PackedResource(typeURL: kind.typeURL, bytes: noise)))
        case 5: items = worlds[Int(random.below(8))].items(Self.kinds[Int(random.below(4))], version: "")
        case 6: _ = session.advance(random.below(40))
        default: items.removeAll { _ in random.below(2) == 0 }
        }
        guard session.streams[server] != nil else { return }
        send(kind, items, to: &session, variant, from: server)
    }

    private func send(
        _ kind: ResourceKind,
        _ items: [ADSResponse.Item],
        to session: inout ScriptedSession,
        _ variant: XDSVariant,
        from server: Int = 0
    ) {
        switch variant {
        case .stateOfTheWorld:
            _ = session.respond(kind, items.compactMap(\.packed), version: "1", from: server)
        case .delta:
            let known = session.machine.subscriptions[kind]?.cached.keys.map { $0 } ?? []
            let removed = Set(known).subtracting(items.compactMap(\.name)).sorted()
            _ = session.change(kind, items, removed: removed, from: server)
        }
    }
}

/// Something to serve, as it stands on the wire.
private struct PackedWorld {
    let resources: MeshResources
    private let packed: [ResourceKind: [String: PackedResource]]

    init(number: Int) {
        let (cluster, other) = ("c\(number % 3)", "c\((number + 1) % 3)")
        resources = MeshResources(
            listeners: [Fixtures.listener("l\(number % 2)", routes: "r")],
            routeConfigurations: [Fixtures.routes("r", to: cluster, other)],
            clusters: [Cluster(name: cluster), Cluster(name: other)],
            endpointAssignments: [
                Fixtures.endpoints(cluster, "10.0.0.\(number)"), Fixtures.endpoints(other, "10.0.1.1"),
            ]
        )
        packed = ResourceEncoder(dialect: .own).encode(resources).resources
    }

    func items(_ kind: ResourceKind, version: String) -> [ADSResponse.Item] {
        (packed[kind] ?? [:]).sorted { $0.key < $1.key }.map { .init(name: $0.key, version: version, packed: $0.value) }
    }
}
