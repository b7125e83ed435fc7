// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshManifests
import MeshXDS
import Testing

@testable import MeshControlPlane

@Suite struct ClientAnswerTests {
    @Test func `what clients take and refuse is kept until they go`() throws {
        let inventory = ClientInventory()
        var answers: [StatusAnswer.Client] { inventory.clients.map { StatusAnswer.Client($0) } }
        inventory.noticed(.connected(stream: 2, XDSNode(id: "b")))
        inventory.noticed(.connected(stream: 1, XDSNode(id: "a", userAgentVersion: "1.2", namespace: "default")))
        inventory.noticed(.speaks(stream: 1, XDSConnection(isIncremental: true, dialect: .envoy)))
        inventory.noticed(.acknowledged(stream: 1, .cluster, version: "1"))
        inventory.noticed(.rejected(stream: 1, .cluster, version: "2", message: "no"))
        inventory.noticed(.acknowledged(stream: 1, .listener, version: "2"))
        #expect(answers.map(\.node) == ["a", "b"])
        let first = try #require(answers.first)
        #expect(first.userAgentVersion == "1.2" && first.dialect == "envoy" && first.isIncremental)
        #expect(first.types.map(\.type) == ["envoy.config.cluster.v3.Cluster", "envoy.config.listener.v3.Listener"])
        #expect(first.types[0].acknowledged == "1")
        #expect(first.types[0].rejected == "2")
        #expect(first.types[0].reason == "no")
        inventory.noticed(.acknowledged(stream: 1, .cluster, version: "3"))
        #expect(answers[0].types[0].rejected == nil)
        inventory.noticed(.translated(stream: 1, [FieldReport(path: "clusters[c].lb_policy", reason: "is not known")]))
        #expect(answers[0].translations == ["clusters[c].lb_policy: is not known"])
        inventory.noticed(.ignores(stream: 1, ["clusters[c].foo"]))
        #expect(answers[0].ignoredFields == ["clusters[c].foo"])
        inventory.noticed(.translated(stream: 1, []))
        #expect(answers[0].translations.isEmpty)
        inventory.noticed(.disconnected(stream: 1))
        inventory.noticed(.acknowledged(stream: 1, .cluster, version: "4"))
        #expect(answers.map(\.node) == ["b"])
    }

    @Test func `clients that differ in anything are never in one group`() {
        let names = [
            Node(), Node(namespace: "a"), Node(labels: [:]), Node(labels: ["a": "b"]),
            Node(labels: ["a": "", "b": ""]),
            Node(serviceAccount: ""), Node(serviceAccount: "a"), Node(labels: ["1:a": "b"]),
            Node(inboundAddresses: [EndpointAddress(host: "10.0.0.1", port: 80)]),
            Node(locality: Locality(region: "a")), Node(locality: Locality(zone: "a")), Node(isProxylessGRPC: true),
        ].map(\.groupName)
        // A field more is a part of the name more.
        #expect(Mirror(reflecting: Node()).children.count == 6)
        #expect(Set(names).count == names.count)
        #expect(Node(labels: ["a": "1", "b": "2"]).groupName == Node(labels: ["b": "2", "a": "1"]).groupName)
    }
}
