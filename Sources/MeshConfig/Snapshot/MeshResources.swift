// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// A whole configuration: every resource by its name.
public struct MeshResources: Hashable, Sendable {
    /// The listeners.
    public var listeners: [String: Listener]
    /// The route configurations.
    public var routeConfigurations: [String: RouteConfiguration]
    /// The clusters.
    public var clusters: [String: Cluster]
    /// The endpoint assignments.
    public var endpointAssignments: [String: EndpointAssignment]
    /// The secrets that clusters and listeners name. Nothing prints their keys.
    public var secrets: [String: Secret]
    /// Values that stand in place of those of the other resources, by layers: of a key the last one's counts.
    public var runtimeLayers: [RuntimeLayer]
    /// What whoever wrote the resources said besides, and has no effect: for logs and `explain`.
    public var ignored: [IgnoredField] = []

    /// Creates a configuration. Of two resources of one kind and name the later one wins.
    public init(
        listeners: [Listener] = [],
        routeConfigurations: [RouteConfiguration] = [],
        clusters: [Cluster] = [],
        endpointAssignments: [EndpointAssignment] = [],
        secrets: [Secret] = [],
        runtimeLayers: [RuntimeLayer] = []
    ) {
        self.listeners = Dictionary(listeners.map { ($0.name, $0) }) { $1 }
        self.routeConfigurations = Dictionary(routeConfigurations.map { ($0.name, $0) }) { $1 }
        self.clusters = Dictionary(clusters.map { ($0.name, $0) }) { $1 }
        self.endpointAssignments = Dictionary(endpointAssignments.map { ($0.name, $0) }) { $1 }
        self.secrets = Dictionary(secrets.map { ($0.name, $0) }) { $1 }
        let last = Dictionary(runtimeLayers.enumerated().map { ($1.name, $0) }) { $1 }
        self.runtimeLayers = runtimeLayers.enumerated().filter { last[$1.name] == $0 }.map(\.element)
    }

    /// The routes of a listener, wherever they stand; `nil` if they are missing.
    public func routes(of listener: Listener) -> RouteConfiguration? {
        switch listener.routes {
        case .inline(let routes): routes
        case .named(let name): routeConfigurations[name]
        }
    }

    /// The endpoints of a cluster, wherever they stand; `nil` if they are missing.
    public func endpoints(of cluster: Cluster) -> EndpointAssignment? {
        switch cluster.discovery {
        case .fixed(let assignment), .dns(let assignment, _): assignment
        case .endpointDiscovery(let serviceName): endpointAssignments[serviceName ?? cluster.name]
        case .aggregate, .originalDestination: nil
        }
    }
}
