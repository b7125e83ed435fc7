// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import GRPCCore
public import MeshSecurity

/// What a server in the mesh knows of an RPC's connection: `ServerContext.transportSpecific` of `MeshServerTransport`.
public struct MeshServerContext: ServerContext.TransportSpecific {
    /// The names of the certificate that the caller proved to own, and the connection's addresses.
    public let peer: AuthorizationPeer
    /// The authority that the caller asked for; `nil` if it named none.
    public let authority: String?

    /// The first URI name of the caller's certificate (`spiffe://…`), if it proved one.
    public var peerIdentity: String? { peer.identity }

    /// Creates a context.
    public init(peer: AuthorizationPeer, authority: String?) {
        self.peer = peer
        self.authority = authority
    }
}

extension ServerContext {
    /// What the mesh knows of the RPC's connection; `nil` on another transport than `MeshServerTransport`.
    public var mesh: MeshServerContext? { transportSpecific as? MeshServerContext }
}
