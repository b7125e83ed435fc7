// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import NIOCore
public import NIOSSL

/// How a server's connections are secured: the seam to whatever keeps certificates.
public struct ServerTransportSecurity: Sendable {
    let makeHandler: @Sendable () throws -> NIOSSLServerHandler
    /// Whether somebody else tells of callers whose certificates were judged and refused.
    let knowsVerdicts: Bool

    /// Creates a policy.
    ///
    /// The context offers protocols by ALPN: `h2` and `http/1.1`, or one of them. A caller that negotiates none gets
    /// HTTP/1.1.
    /// - Parameter makeHandler: Makes the TLS handler of a new connection. Called on an event loop for each connection:
    ///   it must not block, so keep the context and make only the handler. What it throws closes the connection.
    public init(makeHandler: @escaping @Sendable () throws -> NIOSSLServerHandler) {
        self.init(knowsVerdicts: true, makeHandler: makeHandler)
    }

    init(knowsVerdicts: Bool, makeHandler: @escaping @Sendable () throws -> NIOSSLServerHandler) {
        self.makeHandler = makeHandler
        self.knowsVerdicts = knowsVerdicts
    }

    /// Creates a policy from a context, with the callback that decides on callers' certificates, if there is one.
    ///
    /// A resumed TLS session skips the callback: what a caller may do is asked for each request of its certificate, by
    /// the server's `peerIdentity`.
    public init(
        context: NIOSSLContext,
        verify: (@Sendable ([NIOSSLCertificate], EventLoopPromise<NIOSSLVerificationResult>) -> Void)? = nil
    ) {
        self.init(knowsVerdicts: verify != nil) {
            if let verify {
                NIOSSLServerHandler(context: context, customVerificationCallback: verify)
            } else {
                NIOSSLServerHandler(context: context)
            }
        }
    }
}
