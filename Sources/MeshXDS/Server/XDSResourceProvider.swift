// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshConfig

/// What a control plane knows: the seam between it and the xDS server.
///
/// Called from many streams at once. `resources(for:)` is asked when a stream begins and after every change.
public protocol XDSResourceProvider: Sendable {
    /// The configuration of a client.
    func resources(for node: XDSNode) async -> ProvidedResources
    /// Ticks after each change; ticks that nobody took yet may be one. Each stream asks for a sequence of its own.
    func changes() -> AsyncStream<Void>
    /// A client did something that its operator wants to see.
    func noticed(_ event: XDSServerEvent)
}

/// A client's configuration.
public struct ProvidedResources: Sendable {
    /// The resources.
    public var resources: MeshResources
    /// The version, which changes when the resources do.
    public var version: String
    /// Whether the control plane does not know everybody yet.
    ///
    /// Clients that have a configuration from before get nothing while it warms up, so that a restart with an empty
    /// registry takes nothing away from them.
    public var isWarming: Bool

    /// Creates a configuration.
    public init(resources: MeshResources, version: String, isWarming: Bool = false) {
        self.resources = resources
        self.version = version
        self.isWarming = isWarming
    }
}

/// What clients of an xDS server do. More cases may come: switch with a default.
public enum XDSServerEvent: Sendable {
    /// A client has opened a stream.
    case connected(stream: UInt64, XDSNode)
    /// A client has taken a version of a kind.
    case acknowledged(stream: UInt64, ResourceKind, version: String)
    /// A client has refused a version of a kind.
    case rejected(stream: UInt64, ResourceKind, version: String, message: String)
    /// What cannot be said in the dialect of a client has changed: these are all of its translations and omissions.
    case translated(stream: UInt64, [FieldReport])
    /// A stream has ended.
    case disconnected(stream: UInt64)
}
