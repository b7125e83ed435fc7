// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore

/// What has no effect in the resources of a configuration, by resource: only those stand here that have something.
struct IgnoredFieldReports {
    /// The most fields without effect that are kept of a configuration.
    static let maximumFields = 1024

    private var reports: [IgnoredField.Resource: [FieldReport]] = [:]

    /// Collects what was found in the resources of a configuration when they came.
    init(of resources: MeshResources, in servers: ADSServerLists) {
        for (kind, subscription) in servers.lists.lazy.flatMap(\.subscriptions) {
            for (name, cached) in subscription.cached where !cached.ignored.isEmpty {
                if case .unused = cached.resource { reports[IgnoredField.Resource(kind, name)] = cached.ignored }
                let isReached =
                    switch kind {
                    case .listener: resources.listeners[name] != nil
                    case .routeConfiguration: resources.routeConfigurations[name] != nil
                    case .cluster: resources.clusters[name] != nil
                    case .endpointAssignment: resources.endpointAssignments[name] != nil
                    case .secret: resources.secrets[name] != nil
                    case .runtimeLayer: resources.runtimeLayers.contains { $0.name == name }
                    }
                if isReached { reports[IgnoredField.Resource(kind, name)] = cached.ignored }
            }
        }
    }

    /// A resource is another one now, or none any more.
    /// - Returns: Whether what is reported changes.
    mutating func resourceChanged(_ place: IgnoredField.Resource, _ found: [FieldReport]) -> Bool {
        guard reports[place] ?? [] != found else { return false }
        reports[place] = found.isEmpty ? nil : found
        return true
    }

    /// The fields, in the order of the kinds and names of their resources.
    var fields: [IgnoredField] {
        let places = reports.keys.sorted { $0.rank < $1.rank }
        let all = places.lazy.flatMap { place in
            (reports[place] ?? []).map { IgnoredField(place, path: $0.path, reason: $0.reason) }
        }
        return Array(all.prefix(Self.maximumFields))
    }
}

extension IgnoredField.Resource {
    /// A resource by its kind and name.
    init(_ kind: ResourceKind, _ name: String) {
        switch kind {
        case .listener: self = .listener(name)
        case .routeConfiguration: self = .routeConfiguration(name)
        case .cluster: self = .cluster(name)
        case .endpointAssignment: self = .endpointAssignment(name)
        case .secret: self = .secret(name)
        case .runtimeLayer: self = .runtimeLayer(name)
        }
    }

    /// The resource's name.
    var name: String { rank.1 }

    /// Where it stands among others: as references go, and then by name.
    fileprivate var rank: (Int, String) {
        switch self {
        case .listener(let name): (0, name)
        case .routeConfiguration(let name): (1, name)
        case .cluster(let name): (2, name)
        case .endpointAssignment(let name): (3, name)
        case .secret(let name): (4, name)
        case .runtimeLayer(let name): (5, name)
        }
    }
}
