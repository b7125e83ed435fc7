// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshConfig

/// A resource of any kind. One word: whoever keeps thousands of endpoint assignments needs no room for clusters.
public indirect enum XDSResource: Hashable, Sendable {
    /// A listener.
    case listener(Listener)
    /// A route configuration.
    case routeConfiguration(RouteConfiguration)
    /// A cluster.
    case cluster(Cluster)
    /// An endpoint assignment.
    case endpointAssignment(EndpointAssignment)
    /// A secret.
    case secret(Secret)
    /// A layer of the runtime.
    case runtimeLayer(RuntimeLayer)
    /// One that is good, and of no use to a mesh: it takes part in nothing. What is in it is reported.
    case unused(ResourceKind, name: String)

    /// Its name.
    public var name: String {
        switch self {
        case .listener(let listener): listener.name
        case .routeConfiguration(let routes): routes.name
        case .cluster(let cluster): cluster.name
        case .endpointAssignment(let assignment): assignment.name
        case .secret(let secret): secret.name
        case .runtimeLayer(let layer): layer.name
        case .unused(_, let name): name
        }
    }

    /// Its kind.
    public var kind: ResourceKind {
        switch self {
        case .listener: .listener
        case .routeConfiguration: .routeConfiguration
        case .cluster: .cluster
        case .endpointAssignment: .endpointAssignment
        case .secret: .secret
        case .runtimeLayer: .runtimeLayer
        case .unused(let kind, _): kind
        }
    }
}
