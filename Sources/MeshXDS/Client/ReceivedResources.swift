// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshRouting

/// What an xDS client has received, as a configuration: what the listeners reach, and nothing else.
struct ReceivedResources {
    private var listeners: [Listener] = []
    private var routes: [String: RouteConfiguration] = [:]
    private var clusters: [String: Cluster] = [:]
    private var endpoints: [String: EndpointAssignment] = [:]
    private var reports: [IgnoredField.Resource: [FieldReport]] = [:]

    /// The most fields without effect that are kept of a configuration.
    static let maximumIgnored = 1024

    init(_ subscriptions: [ResourceKind: ADSSubscription]) {
        for subscription in subscriptions.values {
            for cached in subscription.cached.values {
                switch cached.resource {
                case .listener(let listener): listeners.append(listener)
                case .routeConfiguration(let configuration): routes[configuration.name] = configuration
                case .cluster(let cluster): clusters[cluster.name] = cluster
                case .endpointAssignment(let assignment): endpoints[assignment.name] = assignment
                }
                if !cached.ignored.isEmpty { reports[cached.resource.place] = cached.ignored }
            }
        }
    }

    /// The route configurations that the listeners name.
    var routeNames: Set<String> { Set(listeners.compactMap(\.routeConfigurationName)) }

    /// The clusters that the routes name.
    var clusterNames: Set<String> { Set(reachableRoutes.flatMap(\.clusterNames)) }

    /// The endpoint assignments that the clusters name.
    var endpointNames: Set<String> {
        Set(clusterNames.compactMap { clusters[$0]?.endpointAssignmentName })
    }

    /// The configuration. A listener whose routes do not exist is left out: nothing could be decided by it.
    var configuration: MeshResources {
        let complete = listeners.filter { listener in
            listener.routeConfigurationName.map { routes[$0] != nil } ?? true
        }
        var resources = MeshResources(
            listeners: complete,
            routeConfigurations: complete.compactMap { $0.routeConfigurationName.flatMap { routes[$0] } },
            clusters: clusterNames.compactMap { clusters[$0] },
            endpointAssignments: endpointNames.compactMap { endpoints[$0] }
        )
        if !reports.isEmpty { resources.ignored = ignored(of: resources) }
        return resources
    }

    /// What has no effect in resources, in the order of their kinds and names.
    private func ignored(of resources: MeshResources) -> [IgnoredField] {
        let places: [IgnoredField.Resource] =
            resources.listeners.keys.sorted().map { .listener($0) }
            + resources.routeConfigurations.keys.sorted().map { .routeConfiguration($0) }
            + resources.clusters.keys.sorted().map { .cluster($0) }
            + resources.endpointAssignments.keys.sorted().map { .endpointAssignment($0) }
        let all = places.lazy.flatMap { place in
            (reports[place] ?? []).map { IgnoredField(place, path: $0.path, reason: $0.reason) }
        }
        return Array(all.prefix(Self.maximumIgnored))
    }

    private var reachableRoutes: [RouteConfiguration] {
        listeners.compactMap { listener in
            switch listener.routes {
            case .inline(let configuration): configuration
            case .named(let name): routes[name]
            }
        }
    }
}

extension XDSResource {
    /// What reports call it.
    fileprivate var place: IgnoredField.Resource {
        switch self {
        case .listener(let listener): .listener(listener.name)
        case .routeConfiguration(let configuration): .routeConfiguration(configuration.name)
        case .cluster(let cluster): .cluster(cluster.name)
        case .endpointAssignment(let assignment): .endpointAssignment(assignment.name)
        }
    }
}

extension RouteConfiguration {
    /// The clusters that the routes send to.
    var clusterNames: [String] {
        virtualHosts.flatMap(\.routes).flatMap { route -> [String] in
            guard case .forward(let forward) = route.action else { return [] }
            return forward.shares.map(\.cluster)
        }
    }
}
