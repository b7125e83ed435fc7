// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import Synchronization
import Testing

@testable import MeshXDS

@Suite("How many resources there are in each state (gRFC A78)")
struct ResourceCensusTests {
    private typealias Counts = [String: Int]

    /// What a machine's resources count as, by the last parts of their types' names and their states.
    private func counts(_ session: ScriptedSession) -> Counts {
        Dictionary(
            uniqueKeysWithValues: session.machine.resourceCounts().map { key, count in
                let type = key.type.split(separator: ".").last.map(String.init) ?? ""
                let authority = key.authority.map { "\($0) " } ?? ""
                return ("\(authority)\(type) \(key.state.rawValue)", count)
            }
        )
    }

    @Test("A78: what was asked for is requested until it comes, and acknowledged then")
    func acknowledged() {
        var session = ScriptedSession.connected()
        #expect(counts(session).isEmpty)
        _ = session.respond(.listener, Fixtures.mesh)
        #expect(counts(session) == ["Listener acked": 1, "RouteConfiguration requested": 1])
        _ = session.serve(Fixtures.mesh)
        #expect(
            counts(session) == [
                "Listener acked": 1, "RouteConfiguration acked": 1, "Cluster acked": 1,
                "ClusterLoadAssignment acked": 1,
            ]
        )
    }

    @Test("A78: what is refused counts by whether an earlier one is in use")
    func refused() throws {
        var session = ScriptedSession.connected()
        _ = session.respond(.listener, Fixtures.mesh)
        _ = session.respond(.routeConfiguration, Fixtures.mesh)
        _ = session.requests()
        let bad = try Fixtures.badCluster("c")
        _ = session.respond(.cluster, [bad])
        #expect(counts(session)["Cluster nacked"] == 1)
        _ = session.serve(Fixtures.mesh)
        _ = session.respond(.cluster, [bad])
        #expect(counts(session)["Cluster nacked_but_cached"] == 1)
        #expect(counts(session)["Cluster acked"] == nil)
    }

    @Test("A78: what nobody has told of in time does not exist")
    func missing() {
        var session = ScriptedSession.connected()
        _ = session.respond(.listener, Fixtures.mesh)
        _ = session.requests()
        _ = session.advance(16)
        #expect(counts(session)["RouteConfiguration does_not_exist"] == 1)
    }

    @Test("A88: what was deleted and stays in use by gRPC's rules counts as that")
    func deleted() {
        var session = ScriptedSession(rules: .grpc)
        session.connect()
        _ = session.serve(Fixtures.mesh)
        _ = session.respond(.cluster, [])
        #expect(counts(session)["Cluster does_not_exist_but_cached"] == 1)
    }

    @Test("a response's resources are counted as they can be used, changed or not")
    func received() throws {
        var session = ScriptedSession.connected()
        let stream = try #require(session.streams[0])
        func taken(_ resources: [PackedResource]) -> [Int] {
            let response = ADSResponse(
                kind: .listener,
                version: "1",
                nonce: "n",
                resources: resources.map { .init(version: "1", packed: $0) }
            )
            let action = session.machine.responseReceived(response, on: stream, at: session.now)
            return [action.valid, action.invalid]
        }
        let listeners = Array(Fixtures.packed(Fixtures.mesh, .listener).values)
        let bad = PackedResource(typeURL: ResourceKind.listener.typeURL, bytes: [0xFF])
        #expect(taken(listeners) == [1, 0])
        #expect(taken(listeners + [bad]) == [1, 1])
    }

    @Test("a census tells of changes alone, of what is gone once more, and of many resources once a second")
    func changes() {
        var census = ResourceCensus()
        var told: [[ResourceCount]] = []
        var session = ScriptedSession.connected()
        func count(after seconds: UInt64 = 0) {
            session.now = session.now.advanced(by: .seconds(seconds))
            let machine = Mutex(session.machine)
            census.count(machine, at: session.now) { told.append($0) }
        }
        count()
        #expect(told.isEmpty)
        _ = session.respond(.listener, Fixtures.mesh)
        count()
        count(after: 60)
        #expect(told.count == 1)
        _ = session.serve(Fixtures.mesh)
        count()
        let requested = told.last?.first { $0.state == .requested }
        #expect(requested?.count == 0)
        var many = MeshResources(listeners: [], clusters: [])
        for number in 0...ResourceCensus.fewResources {
            many.listeners["l\(number)"] = Fixtures.listener("l\(number)", routes: "r")
        }
        _ = session.respond(.listener, many)
        count(after: 1)
        #expect(told.count == 3)
        many.listeners["l0"] = nil
        _ = session.respond(.listener, many)
        count()
        #expect(told.count == 3, "it is not time yet")
        count(after: 1)
        #expect(told.count == 4)
    }
}
