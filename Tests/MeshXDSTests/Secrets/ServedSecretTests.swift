// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import Testing

@testable import MeshXDS

@Suite("A server's secrets")
struct ServedSecretTests {
    private static let some = ServedOffer("1", [.secret: ["mine": "a", "roots": "b"]])
    private static let none = ServedOffer("1", [.cluster: ["c": "c"]])

    @Test("go to those who ask for them by name, and to nobody else")
    func named() {
        var client = ScriptedClient(.stateOfTheWorld, Self.some)
        #expect(client.ask(.secret, ["mine"]).responses.lines == ["SDS a"])
        var other = ScriptedClient(.incremental, Self.some)
        #expect(other.ask(.secret, adding: ["roots", "unknown"]).responses.lines == ["SDS b -unknown"])
        var careless = ScriptedClient(.stateOfTheWorld, Self.some)
        #expect(careless.ask(.secret).responses.lines == [])
        var curious = ScriptedClient(.incremental, Self.some)
        #expect(curious.ask(.secret, adding: ["*"]).responses.lines == [])
    }

    @Test("are not spoken of where there are none", arguments: [true, false])
    func nothing(isIncremental: Bool) {
        var client = ScriptedClient(isIncremental ? .incremental : .stateOfTheWorld, Self.none)
        let responses =
            isIncremental
            ? client.ask(.secret, adding: ["default", "ROOTCA"]).responses
            : client.ask(.secret, ["default", "ROOTCA"]).responses
        #expect(responses == [])
        #expect(client.machine.subscriptions[.secret]?.isSettled == true)
    }

    @Test("are sent again when they are replaced")
    func rotation() {
        var client = ScriptedClient(.stateOfTheWorld, Self.some)
        client.open([.secret: ["mine"]])
        #expect(client.offer(ServedOffer("2", [.secret: ["mine": "z", "roots": "b"]])).lines == ["SDS z"])
    }

    @Test("come with the clusters of Envoys, which get plaintext where the secrets are not ours to give")
    func dialects() {
        let resources = Fixtures.secured()
        let envoy = DialectTranslation(resources, to: .envoy).resources
        #expect(envoy.clusters["c"]?.secrets == resources.clusters["c"]?.secrets)
        var without = resources
        without.secrets["mine"] = nil
        #expect(DialectTranslation(without, to: .envoy).resources.clusters["c"]?.upstreamSecurity == .plaintext)
        let grpc = DialectTranslation(resources, to: .grpc)
        #expect(grpc.resources.clusters["c"]?.secrets == nil)
        #expect(grpc.reports.contains { $0.path == "clusters[c].transport_socket" })
    }
}
