// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshTesting
import Testing

@testable import MeshXDS
@testable import ServiceMesh

@Suite("Endpoints from a file in a mesh", .timeLimit(.minutes(2)))
struct EndpointFileMeshTests {
    private static let clusters = MeshResources(clusters: [
        Cluster(name: "reviews", discovery: .endpointDiscovery(serviceName: "outbound|9080||reviews")),
        Cluster(name: "ratings", discovery: .endpointDiscovery(serviceName: nil)),
    ])

    private static func sink(_ mesh: Mesh, _ file: EndpointFile) -> ConfigSink {
        ConfigSink(
            apply: { resources throws(ConfigurationError) in try mesh.apply(resources, from: file.source.name) },
            notice: { file.observer.noticed($0) }
        )
    }

    private static func ports(_ mesh: Mesh, _ cluster: String) -> [UInt16] {
        mesh.loadSnapshot().clusters[cluster]?.endpoints.map { $0.endpoint.address.port ?? 0 } ?? []
    }

    @Test(arguments: [true, false])
    func `they reach the clusters of another source, whichever delivers first`(endpointsFirst: Bool) async throws {
        let mesh = try Mesh(clock: ManualClock())
        let file = try EndpointFile()
        try file.replace(with: EndpointFile.response([("outbound|9080||reviews", [1, 2]), ("ratings", [3])]))
        if !endpointsFirst { try mesh.apply(Self.clusters) }
        try await file.running(delivering: Self.sink(mesh, file)) {
            if endpointsFirst { try mesh.apply(Self.clusters) }
            #expect(Self.ports(mesh, "reviews") == [1, 2])
            #expect(Self.ports(mesh, "ratings") == [3])
        }
    }

    @Test func `an endpoint that stays is the same one, and a cluster that stays too`() async throws {
        let mesh = try Mesh(clock: ManualClock())
        let file = try EndpointFile()
        try mesh.apply(Self.clusters)
        try file.replace(with: EndpointFile.response([("outbound|9080||reviews", [1, 2]), ("ratings", [3])]))
        try await file.running(delivering: Self.sink(mesh, file)) {
            let before = mesh.loadSnapshot().clusters
            let reviews = try #require(before["reviews"]).endpoints
            try file.replace(with: EndpointFile.response([("outbound|9080||reviews", [2, 4]), ("ratings", [3])]))
            await file.settle()
            let after = mesh.loadSnapshot().clusters
            #expect(Self.ports(mesh, "reviews") == [2, 4])
            #expect(after["reviews"]?.endpoints.first === reviews.last)
            #expect(after["reviews"]?.live === before["reviews"]?.live)
            #expect(after["ratings"] === before["ratings"])
            // An assignment that the file does not name any more is gone.
            try file.replace(with: EndpointFile.response([("ratings", [3])]))
            await file.settle()
            #expect(Self.ports(mesh, "reviews").isEmpty)
            #expect(mesh.loadSnapshot().clusters["ratings"] === before["ratings"])
        }
    }

    @Test func `a file with bad content leaves the mesh as it is`() async throws {
        let mesh = try Mesh(clock: ManualClock())
        let file = try EndpointFile()
        try mesh.apply(Self.clusters)
        try file.replace(with: EndpointFile.response("ratings", [3]))
        try await file.running(delivering: Self.sink(mesh, file)) {
            let snapshot = mesh.loadSnapshot()
            try file.replace(with: "{")
            await file.settle()
            #expect(mesh.loadSnapshot() === snapshot)
            #expect(file.rejections.count == 1)
        }
    }
}
