// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import SwiftProtobuf
import Testing

@testable import MeshXDS

@Suite("Private keys are shown to nobody")
struct RedactionTests {
    /// A part of the first client's key that stands in no certificate.
    private static let key = "hMIw5KZJiE7ggFes"

    private static func has(_ bytes: [UInt8], _ text: String) -> Bool {
        let text = Array(text.utf8)
        return bytes.indices.contains { bytes[$0...].starts(with: text) }
    }

    private static var session: ScriptedSession {
        var session = ScriptedSession.connected()
        _ = session.serve(Fixtures.secured())
        return session
    }

    @Test("the key of the tests is one that could be found")
    func control() throws {
        let packed = try #require(Fixtures.packed(Fixtures.secured(), .secret)["mine"])
        #expect(Self.has(packed.bytes, Self.key))
    }

    @Test("not by CSDS, neither of what is in use nor of what was refused")
    func clientStatus() throws {
        var session = Self.session
        _ = session.respond(.secret, [try Fixtures.badSecret("mine")], version: "2")
        let status = session.machine.subscriptions[.secret]?.status(of: .secret, at: session.now) ?? []
        let mine = try #require(status.first { $0.name == "mine" })
        #expect(mine.packed != nil && mine.refused != nil)
        for packed in [mine.packed, mine.refused].compactMap({ $0 }) {
            let message = try Envoy_Extensions_TransportSockets_Tls_V3_Secret(serializedBytes: packed.bytes)
            #expect(message.name == "mine")
            #expect(message.tlsCertificate.privateKey.inlineString == "[redacted]")
            #expect(message.tlsCertificate.certificateChain.inlineString.contains("BEGIN CERTIFICATE"))
            #expect(!Self.has(packed.bytes, Self.key))
        }
        let config = Envoy_Service_Status_V3_ClientConfig(
            node: .init(id: "n"),
            status,
            origin: .controlPlane,
            at: .zero,
            withContents: true
        )
        let bytes: [UInt8] = try config.serializedBytes()
        #expect(!Self.has(bytes, Self.key))
        let roots = try #require(status.first { $0.name == "roots" }?.packed)
        #expect(Self.has(roots.bytes, "BEGIN CERTIFICATE"))
    }

    @Test("not by a server's CSDS")
    func serverStatus() throws {
        let packed = Fixtures.packed(Fixtures.secured(), .secret)
        var client = ScriptedClient(.stateOfTheWorld, ServedOffer(version: "1", packed: [.secret: packed]))
        _ = client.ask(.secret, ["mine"])
        let served = try #require(client.machine.subscriptions[.secret])
        let shown = try #require(XDSServedKind(served).message(of: "mine"))
        #expect(shown.typeURL == ResourceKind.secret.typeURL)
        #expect(!Self.has(shown.bytes, Self.key))
        #expect(Self.has(shown.bytes, "[redacted]"))
    }

    @Test("not in the last known good file, where secrets are left out, and keys in other places overwritten")
    func lastKnownGood() throws {
        var session = Self.session
        var message = Envoy_Config_Cluster_V3_Cluster()
        message.name = "c"
        message.type = .eds
        message.edsClusterConfig.edsConfig = .aggregated
        message.metadata.filterMetadata["x"] = Google_Protobuf_Struct(fields: [
            "key": Google_Protobuf_Value(stringValue: TestCertificates.first.privateKey.revealed)
        ])
        _ = session.respond(.cluster, [try Fixtures.packed(message)], version: "2")
        let entries = session.machine.snapshotEntries
        #expect(!entries.map(\.kind).contains(.secret))
        let snapshot = ResourceSnapshot(takenAt: .zero, entries: entries.compactMap(\.redacted))
        let bytes = SnapshotFormat.encode(snapshot)
        #expect(!Self.has(bytes, Self.key))
        #expect(Self.has(SnapshotFormat.encode(ResourceSnapshot(takenAt: .zero, entries: entries)), Self.key))
        let cluster = try #require(snapshot.entries.first { $0.kind == .cluster })
        #expect(try Envoy_Config_Cluster_V3_Cluster(serializedBytes: cluster.packed.bytes).name == "c")
    }

    @Test("not by whatever prints a configuration, an event or an error")
    func descriptions() {
        let resources = Fixtures.secured()
        var dumped = ""
        dump(resources, to: &dumped)
        for text in ["\(resources)", String(reflecting: resources), dumped] {
            #expect(text.contains("[redacted]") || text == dumped)
            #expect(text.contains("mine") && !text.contains(Self.key))
        }
    }

    @Test("a block without an end is overwritten as far as it looks like a text, and nothing else is")
    func blocks() {
        let text = "a\n-----BEGIN EC PRIVATE KEY-----\nAAAA\nBBBB"
        let bytes = Array(text.utf8) + [0, 1, 2] + Array("-----BEGIN CERTIFICATE-----\nCCCC".utf8)
        let masked = PrivateKeyBlocks.masked(bytes)
        #expect(masked.count == bytes.count)
        #expect(!Self.has(masked, "AAAA") && !Self.has(masked, "BBBB"))
        #expect(Self.has(masked, "CCCC") && Self.has(masked, "a\n-----BEGIN EC PRIVATE KEY-----"))
        let harmless = Array("-----BEGIN CERTIFICATE-----\nPRIVATE KEY-----".utf8)
        #expect(PrivateKeyBlocks.masked(Array("-----BEGIN ".utf8)) == Array("-----BEGIN ".utf8))
        #expect(PrivateKeyBlocks.masked(harmless).count == harmless.count)
        #expect(PrivateKeyBlocks.masked([]) == [])
    }
}
