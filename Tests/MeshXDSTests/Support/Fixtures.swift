// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import SwiftProtobuf

@testable import MeshXDS

/// Small resources that refer to each other by name.
enum Fixtures {
    static func listener(_ name: String, routes: String) -> Listener {
        Listener(name: name, routes: .named(routes))
    }

    static func routes(_ name: String, to clusters: String...) -> RouteConfiguration {
        let routes = clusters.map { cluster in
            Route(
                match: RouteMatch(path: PathMatcher(.prefix("/\(cluster)"))),
                action: .forward(.init(clusters: WeightedClusters(single: cluster)))
            )
        }
        return RouteConfiguration(
            name: name,
            virtualHosts: [VirtualHost(name: name, domains: [.exact(name)], routes: routes)]
        )
    }

    static func endpoints(_ name: String, _ host: String) -> EndpointAssignment {
        EndpointAssignment(name: name, addresses: [EndpointAddress(host: host, port: 80)])
    }

    /// One listener `l`, its routes `r` to the cluster `c`, and the endpoints of that.
    static var mesh: MeshResources {
        MeshResources(
            listeners: [listener("l", routes: "r")],
            routeConfigurations: [routes("r", to: "c")],
            clusters: [Cluster(name: "c")],
            endpointAssignments: [endpoints("c", "10.0.0.1")]
        )
    }

    /// Resources of one kind, by name, as they stand on the wire.
    static func packed(_ resources: MeshResources, _ kind: ResourceKind) -> [String: PackedResource] {
        ResourceEncoder(dialect: .own).encode(resources).resources[kind] ?? [:]
    }

    static func packed(_ message: some Message) throws -> PackedResource {
        PackedResource(try Google_Protobuf_Any(packing: message))
    }

    /// A cluster that every client refuses, under a name.
    static func badCluster(_ name: String) throws -> PackedResource {
        var message = Envoy_Config_Cluster_V3_Cluster()
        message.name = name
        message.type = .originalDst
        return try packed(message)
    }
}
