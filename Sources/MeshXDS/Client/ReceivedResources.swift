// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshRouting

/// What an xDS client has received, as a configuration: what the listeners reach, and nothing else.
struct ReceivedResources {
    private let servers: ADSServerLists
    private let localCluster: String?
    private let layerNames: [String]

    /// - Parameter layers: The names of the runtime's layers, of which a later one wins.
    init(_ servers: ADSServerLists, localCluster: String? = nil, layers: [String] = []) {
        self.servers = servers
        self.localCluster = localCluster
        self.layerNames = layers
    }

    /// The route configurations that the listeners name.
    var routeNames: Set<String> { Set(listeners.compactMap(\.routeConfigurationName)) }

    /// The clusters that the routes name, the own one, and those that such clusters are made of.
    var clusterNames: Set<String> {
        var names: Set<String> = []
        var open = reachableRoutes.flatMap(\.clusterNames) + (localCluster.map { [$0] } ?? [])
        while let name = open.popLast() {
            if names.insert(name).inserted { open += cluster(name)?.members ?? [] }
        }
        return names
    }

    /// The endpoint assignments that clusters name.
    func endpointNames(of clusterNames: Set<String>) -> Set<String> {
        Set(clusterNames.compactMap { cluster($0)?.endpointAssignmentName })
    }

    /// The secrets that clusters and listeners name.
    func secretNames(of clusterNames: Set<String>) -> Set<String> {
        let references = clusterNames.compactMap { cluster($0)?.secrets } + listeners.compactMap(\.secrets)
        return Set(references.flatMap(\.names)).filter { !SecretReference.isOfFile($0) }
    }

    /// The configuration. A listener whose routes do not exist is left out: nothing could be decided by it.
    var configuration: MeshResources {
        let complete = listeners.filter { listener in
            listener.routeConfigurationName.map { routes($0) != nil } ?? true
        }
        let clusterNames = clusterNames
        var resources = MeshResources(
            listeners: complete,
            routeConfigurations: complete.compactMap { $0.routeConfigurationName.flatMap { routes($0) } },
            clusters: clusterNames.compactMap { cluster($0) },
            endpointAssignments: endpointNames(of: clusterNames).compactMap { endpoints($0) },
            secrets: secretNames(of: clusterNames).compactMap { secret($0) },
            runtimeLayers: runtimeLayers
        )
        resources.ignored = IgnoredFieldReports(of: resources, in: servers).fields
        return resources
    }

    /// A cluster; `nil` if there is none of that name.
    func cluster(_ name: String) -> Cluster? {
        guard case .cluster(let cluster)? = resource(.cluster, name) else { return nil }
        return cluster
    }

    /// An endpoint assignment; `nil` if there is none of that name.
    func endpoints(_ name: String) -> EndpointAssignment? {
        guard case .endpointAssignment(let assignment)? = resource(.endpointAssignment, name) else { return nil }
        return assignment
    }

    /// A secret; `nil` if there is none of that name.
    func secret(_ name: String) -> Secret? {
        guard case .secret(let secret)? = resource(.secret, name) else { return nil }
        return secret
    }

    /// The layers of the runtime that there are, in their order.
    var runtimeLayers: [RuntimeLayer] {
        layerNames.compactMap { name in
            guard case .runtimeLayer(let layer)? = resource(.runtimeLayer, name) else { return nil }
            return layer
        }
    }

    private func routes(_ name: String) -> RouteConfiguration? {
        guard case .routeConfiguration(let configuration)? = resource(.routeConfiguration, name) else { return nil }
        return configuration
    }

    private func resource(_ kind: ResourceKind, _ name: String) -> XDSResource? {
        servers.cached(kind, name)?.resource
    }

    private var listeners: [Listener] {
        servers.lists.flatMap { list in
            (list.subscriptions[.listener]?.cached ?? [:]).values.compactMap { cached -> Listener? in
                guard case .listener(var listener) = cached.resource else { return nil }
                // Only who asked knows what for.
                if let hosts = servers.hosts[listener.name] { listener.hosts = hosts }
                return listener
            }
        }
    }

    private var reachableRoutes: [RouteConfiguration] {
        listeners.compactMap { listener in
            switch listener.routes {
            case .inline(let configuration): configuration
            case .named(let name): routes(name)
            }
        }
    }
}

extension RouteConfiguration {
    /// The clusters that the routes send to, those of trees among them, and those that get copies.
    var clusterNames: [String] {
        mirrors.clusterNames + virtualHosts.flatMap { host in host.mirrors.clusterNames + host.clusterNames }
    }
}

extension VirtualHost {
    fileprivate var clusterNames: [String] {
        var routes = routes
        _ = matcher?.map { list in
            routes += list.routes
            return list
        }
        return routes.flatMap { route -> [String] in
            guard case .forward(let forward) = route.action else { return [] }
            return forward.shares.map(\.cluster) + (forward.mirrors ?? []).clusterNames
        }
    }
}

extension [RequestMirror] {
    /// Those whose names do not stand in requests.
    fileprivate var clusterNames: [String] {
        compactMap { mirror in
            guard case .cluster(let name) = mirror.target else { return nil }
            return name
        }
    }
}
