// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import Testing

@testable import MeshXDS

@Suite("A client and a server of both forms over loopback", .timeLimit(.minutes(5)))
struct BothEndsIntegrationTests {
    @Test(arguments: XDSVariant.allCases)
    func `what the one publishes the other has in force, push by push`(variant: XDSVariant) async throws {
        let cache = SnapshotCache { _ in "all" }
        try cache.publish(Fixtures.mesh, to: "all")
        let server = XDSServer(address: EndpointAddress(host: "127.0.0.1", port: 0), provider: cache)
        let recorder = RecordingSink()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            let address = try await server.listeningAddress
            let source = XDSConfigSource(bootstrap: Bootstrap(server: address, node: .init(id: "x")), protocol: variant)
            group.addTask { try await source.run(delivering: recorder.sink) }
            #expect(await recorder.configuration() == Fixtures.mesh)
            var changed = Fixtures.mesh
            changed.endpointAssignments["c"] = Fixtures.endpoints("c", "10.9.9.9")
            try cache.publish(changed, to: "all")
            #expect(await recorder.configuration() == changed)
            var next = changed
            next.routeConfigurations["r"] = Fixtures.routes("r", to: "d")
            next.clusters = ["d": Cluster(name: "d")]
            next.endpointAssignments = ["d": Fixtures.endpoints("d", "10.0.0.4")]
            try cache.publish(next, to: "all")
            #expect(await recorder.configuration() == next)
            try cache.publish(MeshResources(), to: "all")
            #expect(await recorder.configuration() == MeshResources())
            try cache.publish(next, to: "all")
            #expect(await recorder.configuration() == next)
            group.cancelAll()
            while let result = await group.nextResult() { _ = result }
        }
    }
}
