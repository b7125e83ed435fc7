// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Testing

@testable import MeshObservability

@Suite
struct DestinationServiceTests {
    @Test(
        arguments: [
            (
                "outbound|9080|v2|reviews.default.svc.cluster.local",
                "reviews.default.svc.cluster.local", "reviews", "default"
            ),
            ("outbound|9080||ratings.prod.svc.cluster.local", "ratings.prod.svc.cluster.local", "ratings", "prod"),
            ("outbound|443||api.example.com", "api.example.com", "api", "unknown"),
            ("outbound|80||10.1.2.3", "10.1.2.3", "10.1.2.3", "unknown"),
            ("outbound|80||", "outbound|80||", "outbound|80||", "unknown"),
            ("PassthroughCluster", "PassthroughCluster", "PassthroughCluster", "unknown"),
            ("reviews-v1", "reviews-v1", "reviews-v1", "unknown"),
            ("", "", "", "unknown"),
        ]
    )
    func `a cluster's name tells its service`(cluster: String, service: String, name: String, namespace: String) {
        let destination = DestinationService(cluster: cluster)
        #expect(destination.service == service)
        #expect(destination.name == name)
        #expect(destination.namespace == namespace)
    }

    @Test
    func `a request without a cluster goes to an unknown service`() {
        #expect(DestinationService(cluster: nil) == .unknown)
    }
}
