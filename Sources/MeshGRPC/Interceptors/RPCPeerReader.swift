// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import GRPCCore
public import MeshSecurity

/// Tells interceptors who is at the other end of an RPC's connection.
///
/// Transports keep that each in their own way. For grpc-swift's NIO transport:
/// ```swift
/// let peers = RPCPeerReader { context in
///     let posix = context.transportSpecific as? HTTP2ServerTransport.Posix.Context
///     return AuthorizationPeer(identity: posix?.peerCertificate.flatMap(SPIFFEID.init)?.description)
/// }
/// ```
public struct RPCPeerReader: Sendable {
    let read: @Sendable (ServerContext) async -> AuthorizationPeer

    /// Creates a reader.
    public init(_ read: @escaping @Sendable (ServerContext) async -> AuthorizationPeer) {
        self.read = read
    }

    /// What `MeshServerTransport` knows; with other transports nobody has proved anything.
    public static let mesh = RPCPeerReader { $0.mesh?.peer ?? AuthorizationPeer(identity: nil) }
}
