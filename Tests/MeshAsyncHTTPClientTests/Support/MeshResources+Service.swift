// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshRouting

extension MeshResources {
    /// A mesh of one service, at one endpoint.
    static func service(_ host: String, at endpoint: Endpoint) -> MeshResources {
        let route = Route(name: "default", action: .forward(.init(clusters: WeightedClusters(single: host))))
        return MeshResources(
            listeners: [
                Listener(
                    name: host,
                    routes: .inline(
                        RouteConfiguration(
                            name: host,
                            virtualHosts: [VirtualHost(name: host, domains: [.exact(host)], routes: [route])]
                        )
                    )
                )
            ],
            clusters: [
                Cluster(
                    name: host,
                    discovery: .fixed(EndpointAssignment(name: host, addresses: [endpoint.address]))
                )
            ]
        )
    }
}
