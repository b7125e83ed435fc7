// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// A field of the configuration that has no effect in this process, and why: what would otherwise be dropped in silence.
public struct IgnoredField: Hashable, Sendable, CustomStringConvertible {
    /// A resource, by its name.
    public enum Resource: Hashable, Sendable, CustomStringConvertible {
        /// A listener.
        case listener(String)
        /// A route configuration.
        case routeConfiguration(String)
        /// A cluster.
        case cluster(String)
        /// The endpoints of a cluster.
        case endpointAssignment(String)
        /// A secret.
        case secret(String)
        /// A layer of the runtime.
        case runtimeLayer(String)

        /// The kind and the name, in words.
        public var description: String {
            switch self {
            case .listener(let name): "listener \(name)"
            case .routeConfiguration(let name): "route configuration \(name)"
            case .cluster(let name): "cluster \(name)"
            case .endpointAssignment(let name): "endpoints \(name)"
            case .secret(let name): "secret \(name)"
            case .runtimeLayer(let name): "runtime layer \(name)"
            }
        }
    }

    /// The resource that has it.
    public var resource: Resource
    /// Where it stands there, in the names of whoever wrote it (`virtual_hosts[0].routes[2].route.hash_policy`).
    public var path: String
    /// Why it has no effect.
    public var reason: String

    /// Creates a report.
    public init(_ resource: Resource, path: String, reason: String) {
        self.resource = resource
        self.path = path
        self.reason = reason
    }

    /// The resource, the path and the reason.
    public var description: String { path.isEmpty ? "\(resource): \(reason)" : "\(resource): \(path): \(reason)" }
}
