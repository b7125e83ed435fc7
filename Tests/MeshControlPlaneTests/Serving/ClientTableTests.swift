// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshXDS
import Testing

@testable import MeshControlPlane

@Suite struct ClientTableTests {
    @Test func `what clients take and refuse is kept until they go`() throws {
        let table = ClientTable()
        table.noticed(.connected(stream: 2, XDSNode(id: "b")))
        table.noticed(.connected(stream: 1, XDSNode(id: "a", namespace: "default")))
        table.noticed(.acknowledged(stream: 1, .cluster, version: "1"))
        table.noticed(.rejected(stream: 1, .cluster, version: "2", message: "no"))
        table.noticed(.acknowledged(stream: 1, .listener, version: "2"))
        #expect(table.answers.map(\.node) == ["a", "b"])
        let types = try #require(table.answers.first).types
        #expect(types.map(\.type) == ["envoy.config.cluster.v3.Cluster", "envoy.config.listener.v3.Listener"])
        #expect(types[0].acknowledged == "1")
        #expect(types[0].rejected == "2")
        #expect(types[0].reason == "no")
        table.noticed(.acknowledged(stream: 1, .cluster, version: "3"))
        #expect(table.answers[0].types[0].rejected == nil)
        table.noticed(.translated(stream: 1, [FieldReport(path: "clusters[c].lb_policy", reason: "is not known")]))
        #expect(table.answers[0].translations == ["clusters[c].lb_policy: is not known"])
        table.noticed(.translated(stream: 1, []))
        #expect(table.answers[0].translations.isEmpty)
        table.noticed(.disconnected(stream: 1))
        table.noticed(.acknowledged(stream: 1, .cluster, version: "4"))
        #expect(table.answers.map(\.node) == ["b"])
    }
}
