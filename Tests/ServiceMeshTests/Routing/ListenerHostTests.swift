// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshRouting
import MeshTesting
import Testing

@testable import ServiceMesh

/// Listeners that are asked for by a host and called something else (gRFC A47).
@Suite struct ListenerHostTests {
    private static func listener(_ name: String, to cluster: String, hosts: [String]) -> Listener {
        let host = VirtualHost(
            name: name,
            domains: [.any],
            routes: [Route(action: .forward(.init(clusters: WeightedClusters(single: cluster))))]
        )
        return Listener(
            name: name,
            routes: .inline(RouteConfiguration(name: name, virtualHosts: [host])),
            hosts: hosts
        )
    }

    @Test func `a virtual host for all takes the hosts that its listener was asked for by, and no others`() throws {
        let names = ["xdstp://a/envoy.config.listener.v3.Listener/x", "xdstp://b/envoy.config.listener.v3.Listener/x"]
        let resources = MeshResources(
            listeners: [
                Self.listener(names[0], to: "a", hosts: ["shop:80", "market"]),
                Self.listener(names[1], to: "b", hosts: ["stock"]), Self.listener("plain", to: "c", hosts: []),
            ],
            clusters: ["a", "b", "c"].map { name in
                let endpoints = EndpointAssignment(name: name, addresses: [EndpointAddress(host: name, port: 9)])
                return Cluster(name: name, discovery: .fixed(endpoints))
            }
        )
        let fixture = try MeshFixture(resources)
        for (authority, cluster) in [
            ("shop:80", "a"), ("shop", "a"), ("market", "a"), ("stock", "b"), ("plain", "c"), ("other", nil),
            (names[0], nil),
        ] as [(String, String?)] {
            let decision = fixture.mesh.loadSnapshot().routes.trace(InMemoryRequest(authority: authority))
            #expect(decision.chosen?.value.selections.first?.clusterName == cluster, "\(authority)")
        }
    }
}
