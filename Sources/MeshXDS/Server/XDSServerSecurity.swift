// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import NIOCore
public import NIOSSL

/// How the connections of an xDS server are protected: the seam to whatever keeps certificates.
public struct XDSServerSecurity: Sendable {
    let makeHandler: @Sendable () throws -> NIOSSLServerHandler
    let peer: @Sendable (any Channel) async -> SigningCaller.Peer?

    /// Creates a protection.
    /// - Parameters:
    ///   - makeHandler: Makes the TLS handler of a new connection, which offers `h2` by ALPN. Called on an event loop for each
    ///     connection: it must not block. What it throws closes the connection.
    ///   - peer: Who the caller on a connection has proved to be, if that is still believed; asked for each certificate that is
    ///     to be signed.
    public init(
        makeHandler: @escaping @Sendable () throws -> NIOSSLServerHandler,
        peer: @escaping @Sendable (any Channel) async -> SigningCaller.Peer?
    ) {
        self.makeHandler = makeHandler
        self.peer = peer
    }
}
