// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshManifests
import Testing

@testable import MeshControlPlane

@Suite struct ServedWorldTests {
    private let world = ServedWorld(
        version: "1",
        order: 1,
        prepared: ManifestCompiler().prepare([], workloads: [Workload(Samples.registration())])
    )

    @Test func `a client that serves gets an inbound listener, a foreign one does not`() {
        let address = EndpointAddress(host: "127.0.0.1", port: 9080)
        let own = world.resources(for: Node(labels: ["app": "reviews"], inboundAddresses: [address]))
        #expect(own.listeners["xds.istio.io/grpc/lds/inbound/127.0.0.1:9080"] != nil)
        let foreign = world.resources(for: Node())
        #expect(foreign.listeners.keys.sorted() == ["reviews.default.svc.cluster.local:9080"])
    }

    @Test func `an instance that drains is served as such, and gets no new requests`() throws {
        let other = Samples.registration("reviews-2", port: 9081)
        let world = ServedWorld(
            version: "1",
            order: 1,
            prepared: ManifestCompiler().prepare([], workloads: [Workload(Samples.registration()), Workload(other)]),
            draining: [other.endpoint]
        )
        let endpoints = world.resources(for: Node()).endpointAssignments.values
            .flatMap(\.localities).flatMap(\.endpoints)
        #expect(!endpoints.isEmpty)
        #expect(endpoints.allSatisfy { $0.health == ($0.address == other.endpoint ? .draining : .healthy) })
        #expect(endpoints.contains { $0.health == .draining })
    }

    @Test func `clients of different places get the endpoints in the order of their own`() {
        var (near, far) = (Samples.registration(), Samples.registration("reviews-2", port: 9081))
        (near.locality, far.locality) = ("eu/a", "us/a")
        let rule = """
            apiVersion: networking.istio.io/v1
            kind: DestinationRule
            metadata: {name: reviews}
            spec:
              host: reviews
              trafficPolicy: {outlierDetection: {consecutive5xxErrors: 1}}
            """
        let objects = ManifestReader.read([ManifestFile(name: "rule.yaml", text: rule)]).objects
        let world = ServedWorld(
            version: "1",
            order: 1,
            prepared: ManifestCompiler().prepare(objects, workloads: [Workload(near), Workload(far)])
        )
        let regions = { (place: String) in
            let resources = world.resources(for: Node(locality: Locality(path: place)))
            let assignment = resources.endpointAssignments.values.first
            return assignment?.localities.sorted { $0.priority < $1.priority }.map(\.locality.region)
        }
        #expect(regions("eu/a") == ["eu", "us"])
        #expect(regions("us/b") == ["us", "eu"])
    }

    @Test func `the same client gets the same resources each time`() {
        let node = Node(labels: ["app": "ratings"])
        #expect(world.resources(for: node) == world.resources(for: node))
    }
}
