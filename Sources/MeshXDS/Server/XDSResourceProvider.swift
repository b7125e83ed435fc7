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
    /// A name for all clients that get the very same at the same version, so that it is encoded once for all of them;
    /// `nil` for a configuration of this client's own.
    ///
    /// Clients whose resources differ must never be given one name: all would get the resources of the first.
    public var group: String?
    /// The place of the version among all versions: later ones have greater numbers. 0 where nobody counts; then nobody
    /// can wait for it, either.
    public var order: UInt64

    /// Creates a configuration.
    public init(
        resources: MeshResources,
        version: String,
        isWarming: Bool = false,
        group: String? = nil,
        order: UInt64 = 0
    ) {
        self.resources = resources
        self.version = version
        self.isWarming = isWarming
        self.group = group
        self.order = order
    }
}

/// What clients of an xDS server do. More cases may come: switch with a default.
public enum XDSServerEvent: Sendable {
    /// A client has opened a stream.
    case connected(stream: UInt64, XDSNode)
    /// It was found out how a client is spoken to.
    case speaks(stream: UInt64, XDSConnection)
    /// A client is served another version, which need not have changed anything for it.
    case offered(stream: UInt64, version: String, order: UInt64, group: String?)
    /// What a client was served of a kind, or what it made of it, has changed.
    case serves(stream: UInt64, XDSServedKind)
    /// A client has taken a version of a kind.
    case acknowledged(stream: UInt64, ResourceKind, version: String)
    /// A client has refused a version of a kind.
    case rejected(stream: UInt64, ResourceKind, version: String, message: String)
    /// A client has taken all of a version that it is served: whatever of it changed, and nothing of it refused.
    case applied(stream: UInt64, version: String)
    /// A client that had taken all of the version that it is served has asked for more of it.
    case behind(stream: UInt64)
    /// A client has answered everything of a version that it is served, and refuses some of it.
    case refuses(stream: UInt64, version: String)
    /// What cannot be said in the dialect of a client has changed: these are all of its translations and omissions.
    case translated(stream: UInt64, [FieldReport])
    /// A client says which fields have no effect in it: all of them.
    case ignores(stream: UInt64, [String])
    /// A stream has ended.
    case disconnected(stream: UInt64)
}
