// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshGRPC
import MeshRouting
import ServiceMesh

extension MeshResources {
    /// What a control plane might say of the service `greeter`.
    static func greeter(
        routes: [Route],
        clusters: [Cluster],
        filters: [HTTPFilter] = [],
        domains: [DomainPattern] = [.any]
    ) -> MeshResources {
        let host = VirtualHost(name: "greeter", domains: domains, routes: routes)
        let listener = Listener(
            name: "greeter",
            filters: filters,
            routes: .inline(RouteConfiguration(name: "greeter", virtualHosts: [host]))
        )
        return MeshResources(listeners: [listener], clusters: clusters)
    }
}

extension Cluster {
    /// A cluster on these addresses, whose connections say nothing of HTTP/2, as those that control planes tell gRPC's clients.
    static func fixed(
        _ name: String,
        _ addresses: [EndpointAddress],
        loadBalancing: LoadBalancing? = nil
    ) -> Cluster {
        var cluster = Cluster(name: name, discovery: .fixed(EndpointAssignment(name: name, addresses: addresses)))
        if let loadBalancing { cluster.loadBalancing = loadBalancing }
        return cluster
    }
}

extension Route {
    /// A route to a cluster.
    static func to(_ cluster: String, name: String = "", _ match: RouteMatch = RouteMatch()) -> Route {
        Route(
            name: name,
            match: match,
            action: .forward(RouteAction.Forward(clusters: WeightedClusters(single: cluster)))
        )
    }
}

extension MeshClientTransport {
    /// A transport for `xds:///greeter` by a configuration that a source delivers.
    static func greeter(
        _ resources: MeshResources,
        configuration: Configuration = Configuration(),
        meshConfiguration: MeshConfiguration = MeshConfiguration(isDisabled: false)
    ) throws -> MeshClientTransport {
        try MeshClientTransport(
            target: MeshTarget("xds:///greeter"),
            sources: [FixedConfigSource(resources)],
            configuration: configuration,
            meshConfiguration: meshConfiguration
        )
    }
}
