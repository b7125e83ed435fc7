// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting

extension MeshResources {
    /// One service, `reviews`, on these endpoints in turn.
    static func service(
        on addresses: [EndpointAddress],
        connection: ConnectionOptions = ConnectionOptions(),
        retry: RetryPolicy? = nil
    ) -> MeshResources {
        let cluster = Cluster(
            name: "reviews",
            discovery: .fixed(EndpointAssignment(name: "reviews", addresses: addresses)),
            connection: connection
        )
        let route = Route(
            action: .forward(RouteAction.Forward(clusters: WeightedClusters(single: "reviews"), retry: retry))
        )
        let host = VirtualHost(name: "reviews", domains: [.exact("reviews")], routes: [route])
        let listener = Listener(
            name: "reviews",
            routes: .inline(RouteConfiguration(name: "reviews", virtualHosts: [host]))
        )
        var resources = MeshResources()
        resources.clusters["reviews"] = cluster
        resources.listeners["reviews"] = listener
        return resources
    }
}
