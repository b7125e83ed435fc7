// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
public import NIOSSL

/// How connections to endpoints are secured: the seam to whatever keeps certificates.
public struct ClientTLS: Sendable {
    let makeHandler: @Sendable (Endpoint) throws -> NIOSSLClientHandler

    /// Creates a policy.
    /// - Parameter makeHandler: Makes the TLS handler of a new connection. Called on an event loop for each connection
    ///   that is made: it must not block, so keep the context and make only the handler. What it throws fails the
    ///   connection.
    public init(makeHandler: @escaping @Sendable (Endpoint) throws -> NIOSSLClientHandler) {
        self.makeHandler = makeHandler
    }

    /// The endpoint wants mutual TLS, and the transport has no identity to show.
    struct NotConfigured: Error, CustomStringConvertible {
        var description: String { "the endpoint wants mutual TLS, and the transport was given no ClientTLS" }
    }

    static let notConfigured = NotConfigured()
}
