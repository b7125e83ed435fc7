// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting

extension MeshResources {
    /// One service, `reviews`, on these endpoints in turn, with retries where `retry` says so.
    static func service(
        on endpoints: [EndpointAddress],
        connection: ConnectionOptions = ConnectionOptions(),
        retry: RetryPolicy? = nil
    ) -> MeshResources {
        var resources = MeshResources()
        let group = LocalityEndpoints(endpoints: endpoints.map { ClusterEndpoint(address: $0) })
        var cluster = Cluster(name: "reviews", discovery: .fixed(EndpointAssignment(name: "reviews", localities: [group])))
        cluster.connection = connection
        resources.clusters["reviews"] = cluster
        var forward = ForwardAction(clusters: WeightedClusters("reviews"))
        forward.retry = retry
        let route = Route(name: "all", match: RouteMatch(path: .prefix("/")), action: .forward(forward))
        resources.listeners["reviews"] = Listener(
            name: "reviews",
            routes: .inline(
                RouteConfiguration(name: "reviews", virtualHosts: [VirtualHost(name: "reviews", domains: [.exact("reviews")], routes: [route])])
            )
        )
        return resources
    }
}
