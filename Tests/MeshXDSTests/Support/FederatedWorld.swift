// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshRouting

@testable import MeshXDS

/// Small resources of two authorities, `a` and `b`, that refer to each other.
enum FederatedWorld {
    /// The lists of control planes: that at the top, a's and b's.
    static let directory = ServerDirectory(lists: ["a": 1, "b": 2])

    static func name(_ authority: String, _ kind: ResourceKind, _ id: String) -> String {
        "\(XDSResourceName(authority: authority, kind: kind, id: id))"
    }

    /// The listener of a service of an authority.
    static func listener(_ authority: String, _ id: String = "shop") -> String { name(authority, .listener, id) }

    /// A service: its listener is of the first authority, its routes of the next one, and so on.
    static func service(
        _ id: String = "shop",
        listener: String,
        routes: String,
        cluster: String,
        endpoints: String,
        at host: String = "10.0.0.1"
    ) -> MeshResources {
        let (routesName, clusterName) = (name(routes, .routeConfiguration, id), name(cluster, .cluster, id))
        let endpointsName = name(endpoints, .endpointAssignment, id)
        return MeshResources(
            listeners: [Listener(name: Self.listener(listener, id), routes: .named(routesName))],
            routeConfigurations: [Self.routes(routesName, to: clusterName)],
            clusters: [Cluster(name: clusterName, discovery: .endpointDiscovery(serviceName: endpointsName))],
            endpointAssignments: [Fixtures.endpoints(endpointsName, host)]
        )
    }

    /// A service all of which is one authority's.
    static func service(_ id: String = "shop", of authority: String, at host: String = "10.0.0.1") -> MeshResources {
        service(id, listener: authority, routes: authority, cluster: authority, endpoints: authority, at: host)
    }

    /// Routes for whoever asks for the listener.
    static func routes(_ name: String, to clusters: String...) -> RouteConfiguration {
        let routes = clusters.enumerated().map { position, cluster in
            Route(
                match: RouteMatch(path: PathMatcher(.prefix(position == 0 ? "/" : "/\(position)"))),
                action: .forward(.init(clusters: WeightedClusters(single: cluster)))
            )
        }
        return RouteConfiguration(name: name, virtualHosts: [VirtualHost(name: "v", domains: [.any], routes: routes)])
    }

    /// What an authority has of a configuration.
    static func part(_ authority: String, of world: MeshResources) -> MeshResources {
        func isOwn(_ name: String) -> Bool { name.resourceAuthority == Substring(authority) }
        return MeshResources(
            listeners: world.listeners.values.filter { isOwn($0.name) },
            routeConfigurations: world.routeConfigurations.values.filter { isOwn($0.name) },
            clusters: world.clusters.values.filter { isOwn($0.name) },
            endpointAssignments: world.endpointAssignments.values.filter { isOwn($0.name) }
        )
    }

    /// A configuration as a client has it that calls the services by these hosts.
    static func called(_ world: MeshResources, by hosts: [String: String]) -> MeshResources {
        var world = world
        for (name, host) in hosts { world.listeners[name]?.hosts = [host] }
        return world
    }

    /// All of several configurations.
    static func all(_ worlds: MeshResources...) -> MeshResources {
        MeshResources(
            listeners: worlds.flatMap(\.listeners.values),
            routeConfigurations: worlds.flatMap(\.routeConfigurations.values),
            clusters: worlds.flatMap(\.clusters.values),
            endpointAssignments: worlds.flatMap(\.endpointAssignments.values)
        )
    }
}
