// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore

/// The configuration in force and what it refers to, kept up to date by what changed.
///
/// Endpoints, and clusters that go on referring to the same, cost what they are; where references change, all of them
/// are followed anew (`ReceivedResources`). What comes of it is the same either way.
struct IncrementalConfiguration {
    /// What may differ from what is in force.
    private struct Pending {
        var isEverything = true
        var clusters: Set<String> = []
        var endpoints: Set<String> = []
        var secrets: Set<String> = []
        var layers: Set<String> = []
    }

    /// The configuration that is in force; `nil` before there is one.
    private(set) var inForce: MeshResources?
    /// The endpoint assignments that alone differ in it from the one before; `nil` if more may.
    private(set) var changedEndpoints: Set<String>?

    private let localCluster: String?
    /// The names of the runtime's layers, of which a later one wins.
    private let layers: [String]
    private var routeNames = NamesByList()
    private var clusterNames = NamesByList()
    private var endpointNames = NamesByList()
    private var secretNames = NamesByList()
    /// Whether references have changed since the names were found. Then everything is pending, too.
    private var areNamesOutdated = true
    private var pending = Pending()
    private var reports: IgnoredFieldReports?

    init(localCluster: String? = nil, layers: [String] = []) {
        self.localCluster = localCluster
        self.layers = layers
    }

    private func view(_ servers: ADSServerLists) -> ReceivedResources {
        ReceivedResources(servers, localCluster: localCluster, layers: layers)
    }

    /// The names of a kind that resources of the other kinds refer to.
    mutating func names(of kind: ResourceKind, in servers: inout ADSServerLists) -> NamesByList {
        takeChanges(of: &servers)
        if areNamesOutdated { findNames(servers) }
        switch kind {
        case .listener: return NamesByList(count: servers.indices.count)
        case .routeConfiguration: return routeNames
        case .cluster: return clusterNames
        case .endpointAssignment: return endpointNames
        case .secret: return secretNames
        // Nothing refers to them: the process says which it wants.
        case .runtimeLayer: return NamesByList(Set(layers), of: .runtimeLayer, in: servers)
        }
    }

    /// The configuration as it is now, which counts as in force from here on; `nil` if it already is.
    mutating func publication(of servers: inout ADSServerLists) -> MeshResources? {
        takeChanges(of: &servers)
        defer { pending = Pending(isEverything: false) }
        if areNamesOutdated { findNames(servers) }
        let view = view(servers)
        changedEndpoints = nil
        guard !pending.isEverything, var resources = inForce.take() else {
            let resources = view.configuration
            reports = IgnoredFieldReports(of: resources, in: servers)
            guard resources != inForce else { return nil }
            inForce = resources
            return resources
        }
        let isNews = bringUpToDate(&resources, view, servers)
        inForce = resources
        return isNews ? resources : nil
    }

    private mutating func findNames(_ servers: ADSServerLists) {
        let view = view(servers)
        let clusters = view.clusterNames
        routeNames = NamesByList(view.routeNames, of: .routeConfiguration, in: servers)
        clusterNames = NamesByList(clusters, of: .cluster, in: servers)
        endpointNames = NamesByList(view.endpointNames(of: clusters), of: .endpointAssignment, in: servers)
        secretNames = NamesByList(view.secretNames(of: clusters), of: .secret, in: servers)
        areNamesOutdated = false
    }

    /// - Returns: Whether anything is different.
    private mutating func bringUpToDate(
        _ resources: inout MeshResources,
        _ view: ReceivedResources,
        _ servers: ADSServerLists
    ) -> Bool {
        var isNews = false
        var isReportNews = false
        var endpoints: Set<String>? = []
        // Compared first: what is written to is copied whole where somebody else has the configuration, too.
        for name in pending.clusters {
            let cluster = view.cluster(name)
            if resources.clusters[name] != cluster {
                resources.clusters[name] = cluster
                isNews = true
                endpoints = nil
            }
            let found = servers.cached(.cluster, name)?.ignored ?? []
            if reports?.resourceChanged(.cluster(name), found) == true { isReportNews = true }
        }
        for name in pending.endpoints {
            let assignment = view.endpoints(name)
            if resources.endpointAssignments[name] != assignment {
                resources.endpointAssignments[name] = assignment
                isNews = true
                endpoints?.insert(name)
            }
            let found = servers.cached(.endpointAssignment, name)?.ignored ?? []
            if reports?.resourceChanged(.endpointAssignment(name), found) == true { isReportNews = true }
        }
        for name in pending.secrets {
            let secret = view.secret(name)
            if resources.secrets[name] != secret {
                resources.secrets[name] = secret
                isNews = true
                endpoints = nil
            }
            let found = servers.cached(.secret, name)?.ignored ?? []
            if reports?.resourceChanged(.secret(name), found) == true { isReportNews = true }
        }
        if !pending.layers.isEmpty {
            let layers = view.runtimeLayers
            if resources.runtimeLayers != layers {
                resources.runtimeLayers = layers
                isNews = true
                endpoints = nil
            }
        }
        for name in pending.layers {
            let found = servers.cached(.runtimeLayer, name)?.ignored ?? []
            if reports?.resourceChanged(.runtimeLayer(name), found) == true { isReportNews = true }
        }
        if isReportNews, let fields = reports?.fields, fields != resources.ignored {
            resources.ignored = fields
            isNews = true
            endpoints = nil
        }
        changedEndpoints = endpoints
        return isNews
    }

    private mutating func takeChanges(of servers: inout ADSServerLists) {
        let listeners = servers.takeChanges(of: .listener)
        let routes = servers.takeChanges(of: .routeConfiguration)
        let clusters = servers.takeChanges(of: .cluster)
        let endpoints = servers.takeChanges(of: .endpointAssignment)
        let secrets = servers.takeChanges(of: .secret)
        let layers = servers.takeChanges(of: .runtimeLayer)
        guard !areNamesOutdated else { return }
        // What nothing refers to is no part of the configuration.
        let reached = clusters.filter { clusterNames.all.contains($0) }
        let view = view(servers)
        guard
            listeners.isEmpty, routes.isDisjoint(with: routeNames.all),
            pending.isEverything ? reached.isEmpty : reached.allSatisfy({ refersToTheSame($0, view) })
        else {
            areNamesOutdated = true
            pending = Pending()
            return
        }
        guard !pending.isEverything else { return }
        pending.clusters.formUnion(reached)
        for name in endpoints where endpointNames.all.contains(name) { pending.endpoints.insert(name) }
        pending.secrets.formUnion(secrets.intersection(secretNames.all))
        pending.layers.formUnion(layers)
    }

    /// Whether a cluster refers to what the one in force refers to.
    private func refersToTheSame(_ name: String, _ view: ReceivedResources) -> Bool {
        let (old, new) = (inForce?.clusters[name], view.cluster(name))
        return old?.endpointAssignmentName == new?.endpointAssignmentName && old?.members ?? [] == new?.members ?? []
            && old?.secrets == new?.secrets
    }
}
