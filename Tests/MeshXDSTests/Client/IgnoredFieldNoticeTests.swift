// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshTesting
import SwiftProtobuf
import Testing

@testable import MeshXDS

@Suite("What a client tells its control plane of fields without effect")
struct IgnoredFieldNoticeTests {
    private static func fields(_ count: Int, reason: String = "is not supported") -> [IgnoredField] {
        (0..<count).map { IgnoredField(.cluster("c\($0)"), path: "f", reason: reason) }
    }

    private static func routes(withLimit hasLimit: Bool) throws -> PackedResource {
        var route = Envoy_Config_Route_V3_Route()
        route.match.prefix = "/"
        route.route.cluster = "c"
        var host = Envoy_Config_Route_V3_VirtualHost()
        host.name = "h"
        host.domains = ["r"]
        host.routes = [route]
        if hasLimit { host.requestBodyBufferLimit = .init() }
        return try Fixtures.packed(
            Envoy_Config_Route_V3_RouteConfiguration.with {
                $0.name = "r"
                $0.virtualHosts = [host]
            }
        )
    }

    @Test("a line for each field, and one for those that are left out")
    func bounds() {
        #expect(IgnoredFieldNotice.lines([]) == [])
        #expect(IgnoredFieldNotice.lines(Self.fields(1)) == ["cluster c0: f: is not supported"])
        #expect(IgnoredFieldNotice.lines(Self.fields(256)).count == 256)
        #expect(IgnoredFieldNotice.lines(Self.fields(256)).last == "cluster c255: f: is not supported")
        let many = IgnoredFieldNotice.lines(Self.fields(1000))
        #expect(many.count == 256 && many.last == "745 further fields have no effect")
        let long = IgnoredFieldNotice.lines(Self.fields(100, reason: String(repeating: "ü", count: 4000)))
        #expect(long.dropLast().allSatisfy { $0.utf8.count <= 512 && $0.hasSuffix("…") })
        #expect(long.map(\.utf8.count).reduce(0, +) < 33 << 10)
        #expect(long.last == "\(101 - long.count) further fields have no effect")
    }

    @Test("the machine has them with the configuration that they belong to, and not before")
    func machine() throws {
        var session = ScriptedSession.connected()
        _ = session.respond(.listener, Fixtures.mesh)
        _ = session.respond(.routeConfiguration, [try Self.routes(withLimit: true)])
        _ = session.respond(.cluster, Fixtures.mesh)
        #expect(session.machine.ignoredFields == [])
        _ = session.respond(.endpointAssignment, Fixtures.mesh)
        let line = "route configuration r: virtual_hosts[0].request_body_buffer_limit: is not supported"
        #expect(session.machine.ignoredFields == [line])
        session.disconnect()
        #expect(session.machine.ignoredFields == [line])
        session.connect()
        _ = session.respond(.listener, Fixtures.mesh)
        _ = session.respond(.routeConfiguration, [try Self.routes(withLimit: false)], version: "2")
        #expect(session.machine.ignoredFields == [])
    }

    @Test("the first request of a stream says who asks, and later ones only when that has changed")
    func node() {
        var opening = StreamOpening(node: .init(id: "n"))
        let request = StateOfTheWorldStream.Request(kind: .cluster, names: [], version: "", nonce: "")
        let first = opening.word(request, ignoring: [])
        #expect(first.node.id == "n" && first.node.ignoredFields == nil)
        #expect(!opening.word(request, ignoring: []).hasNode)
        #expect(opening.word(request, ignoring: ["a"]).node.ignoredFields == ["a"])
        #expect(!opening.word(request, ignoring: ["a"]).hasNode)
        let delta = DeltaStream.Request(kind: .cluster)
        #expect(opening.word(delta, ignoring: ["b", "c"]).node.ignoredFields == ["b", "c"])
        let none = opening.word(delta, ignoring: [])
        #expect(none.node.id == "n" && none.node.ignoredFields == [])
        #expect(!opening.word(delta, ignoring: []).hasNode)
        var next = StreamOpening(node: .init(id: "n"))
        #expect(next.word(delta, ignoring: ["a"]).node.ignoredFields == ["a"])
    }

    @Test("a server's inventory has what the client says, as of its last word")
    func inventory() async throws {
        let clock = ManualClock()
        let cache = SnapshotCache(clock: clock) { _ in "g" }
        try cache.publish(Fixtures.mesh, to: "g")
        var stream = DiscoveryStream(number: 1, form: .incremental, provider: cache, groups: EncodedGroups())
        var opening = StreamOpening(node: .init(id: "n"))
        let words: [([String], [String])] = [([], []), (["a"], ["a"]), (["a"], ["a"]), ([], [])]
        for (kind, (said, known)) in zip(ADSSessionStateMachine.order, words) {
            let request = DeltaStream.Request(kind: kind, subscribe: ["c"])
            _ = try await stream.requestReceived(opening.word(request, ignoring: said), at: clock.now)
            let client = try #require(cache.inventory.client(stream: 1))
            #expect(client.ignoredFields == known)
            #expect(client.node.userAgentVersion == "0.1.0")
            #expect(client.node.metadata["IGNORED_FIELDS"] == nil)
        }
    }
}
