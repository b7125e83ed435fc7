// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
import NIOCore
public import NIOSSL

/// How connections to endpoints are secured: the seam to whatever keeps certificates.
public struct ClientTLS: Sendable {
    let makeHandler: @Sendable (Endpoint) throws -> NIOSSLClientHandler

    /// Creates a policy.
    /// - Parameter makeHandler: Makes the TLS handler of a new connection. Called on an event loop for each connection
    ///   that is made: it must not block, so keep the context and make only the handler. It offers by ALPN what the
    ///   endpoint's HTTP version says (`ConnectionOptions.HTTPVersion.applicationProtocols`). What it throws fails the connection.
    public init(makeHandler: @escaping @Sendable (Endpoint) throws -> NIOSSLClientHandler) {
        self.makeHandler = makeHandler
    }

    /// Creates a policy from a TLS configuration: its roots, its certificate, its rules.
    ///
    /// The name that a server must prove is that of the endpoint's security, `serverName`, wherever it is dialled; it is
    /// sent as the server name indication, too. Endpoints of the mesh are known by identities, which this policy cannot
    /// judge, so they need another one; if they come here, their `serverName` is what is sent and proven. What
    /// the configuration says of ALPN is replaced by what each endpoint's HTTP version needs.
    ///
    /// Makes TLS contexts, which may read files: do not call it on an event loop.
    /// - Throws: What the TLS library throws about the configuration.
    public init(_ configuration: TLSConfiguration) throws {
        let contexts = try TLSContexts(configuration)
        self.init { endpoint in
            let context = contexts[endpoint.connection.httpVersion]
            guard case .tls(let serverName) = endpoint.security else {
                return try NIOSSLClientHandler(context: context, serverHostname: endpoint.serverName)
            }
            // RFC 6066 §3: an address is no server name; the certificate is checked against it all the same.
            let isAddress = (try? SocketAddress(ipAddress: serverName, port: 0)) != nil
            return try NIOSSLClientHandler(context: context, serverHostname: isAddress ? nil : serverName)
        }
    }

    /// The endpoint wants mutual TLS, and the transport has no identity to show.
    struct NotConfigured: Error, CustomStringConvertible {
        var description: String { "the endpoint wants mutual TLS, and the transport was given no ClientTLS" }
    }

    static let notConfigured = NotConfigured()
}

/// One TLS context for each offer by ALPN: an offer belongs to the context, and a context is too dear to make for each
/// connection.
struct TLSContexts: Sendable {
    private let http1: NIOSSLContext
    private let http2: NIOSSLContext
    private let automatic: NIOSSLContext

    init(_ configuration: TLSConfiguration) throws {
        func context(_ version: ConnectionOptions.HTTPVersion) throws -> NIOSSLContext {
            var configuration = configuration
            configuration.applicationProtocols = version.applicationProtocols
            return try NIOSSLContext(configuration: configuration)
        }
        self.http1 = try context(.http1)
        self.http2 = try context(.http2)
        self.automatic = try context(.automatic)
    }

    subscript(_ version: ConnectionOptions.HTTPVersion) -> NIOSSLContext {
        switch version {
        case .http1: http1
        case .http2: http2
        case .automatic: automatic
        }
    }
}
