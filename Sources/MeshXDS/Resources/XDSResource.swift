// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshConfig

/// A resource of any kind.
public enum XDSResource: Hashable, Sendable {
    /// A listener.
    case listener(Listener)
    /// A route configuration.
    case routeConfiguration(RouteConfiguration)
    /// A cluster.
    case cluster(Cluster)
    /// An endpoint assignment.
    case endpointAssignment(EndpointAssignment)

    /// Its name.
    public var name: String {
        switch self {
        case .listener(let listener): listener.name
        case .routeConfiguration(let routes): routes.name
        case .cluster(let cluster): cluster.name
        case .endpointAssignment(let assignment): assignment.name
        }
    }

    /// Its kind.
    public var kind: ResourceKind {
        switch self {
        case .listener: .listener
        case .routeConfiguration: .routeConfiguration
        case .cluster: .cluster
        case .endpointAssignment: .endpointAssignment
        }
    }
}
