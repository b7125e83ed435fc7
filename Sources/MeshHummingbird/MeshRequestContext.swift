// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import Hummingbird
public import NIOCore

/// A request context that knows its connection, so that the mesh can ask who is on the other side.
///
/// Conform your own context, or use `BasicMeshRequestContext`:
/// ```swift
/// struct AppContext: MeshRequestContext {
///     var coreContext: CoreRequestContextStorage
///     let channel: any Channel
///     init(source: ApplicationRequestContextSource) {
///         coreContext = .init(source: source)
///         channel = source.channel
///     }
/// }
/// ```
public protocol MeshRequestContext: RequestContext {
    /// The connection that the request came in on.
    var channel: any Channel { get }
}

/// The context of an application that needs nothing else in it.
public struct BasicMeshRequestContext: MeshRequestContext {
    /// What Hummingbird keeps.
    public var coreContext: CoreRequestContextStorage
    /// The connection that the request came in on.
    public let channel: any Channel

    /// Takes the connection from its source.
    public init(source: ApplicationRequestContextSource) {
        self.coreContext = CoreRequestContextStorage(source: source)
        self.channel = source.channel
    }
}
