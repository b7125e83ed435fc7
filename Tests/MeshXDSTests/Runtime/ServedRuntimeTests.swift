// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshRouting
import Testing

@testable import MeshXDS

@Suite("A server's runtime")
struct ServedRuntimeTests {
    private static let layer = RuntimeLayer(name: "rtds", values: ["a.b": .integer(5)])

    private static var resources: MeshResources {
        var resources = Fixtures.mesh
        resources.runtimeLayers = [layer]
        return resources
    }

    @Test("goes to those who ask for it, before everything else")
    func order() {
        let offer = ServedOffer("1", [.cluster: ["c": "c"], .runtimeLayer: ["rtds": "one", "other": "two"]])
        var client = ScriptedClient(.stateOfTheWorld, offer)
        #expect(client.ask(.runtimeLayer, ["rtds"]).responses.lines == ["RTDS one"])
        var delta = ScriptedClient(.incremental, offer)
        #expect(delta.ask(.runtimeLayer, adding: ["other", "none"]).responses.lines == ["RTDS two -none"])
        var both = ScriptedClient(.stateOfTheWorld, offer)
        both.open([.cluster: [], .runtimeLayer: ["rtds"]])
        let next = ServedOffer("2", [.cluster: ["c": "d"], .runtimeLayer: ["rtds": "new", "other": "two"]])
        #expect(both.offer(next).lines == ["RTDS new", "CDS d"])
    }

    @Test("goes to Envoys and to us, never to gRPC's clients", arguments: Dialect.allCases)
    func dialects(dialect: Dialect) throws {
        let encoded = ResourceEncoder(dialect: dialect).encode(Self.resources)
        let packed = encoded.resources[.runtimeLayer]?["rtds"]
        guard dialect != .grpc else {
            #expect(packed == nil)
            #expect(encoded.reports == ResourceEncoder(dialect: dialect).encode(Fixtures.mesh).reports)
            return
        }
        let decoded = try ResourceDecoder().decode(try #require(packed), as: .runtimeLayer).result.get()
        #expect(decoded == Decoded(.runtimeLayer(Self.layer)))
    }

    @Test("is a part of a snapshot like other resources, each name once")
    func cache() throws {
        let cache = SnapshotCache { _ in "g" }
        let first = try cache.publish(Self.resources, to: "g")
        #expect(try cache.publish(Self.resources, to: "g") == first)
        var next = Self.resources
        next.runtimeLayers[0].values["a.b"] = .integer(6)
        #expect(try cache.publish(next, to: "g") != first)
        #expect(throws: ConfigurationError.self) {
            try cache.publish([.runtimeLayer(Self.layer), .runtimeLayer(Self.layer)], to: "g")
        }
        next.runtimeLayers[0].values["a.b"] = .number(.nan)
        #expect(throws: ConfigurationError.self) { try cache.publish(next, to: "g") }
    }
}
