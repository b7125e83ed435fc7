// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// TLS as browsers speak it, for hosts outside the mesh: the system's roots, the host's name.
final class PublicTLS: Sendable {
    private let context = Mutex<NIOSSLContext?>(nil)

    /// The policy; the first call reads the system's roots, which takes a while, on a thread that may block.
    func load(on loop: any EventLoop) -> EventLoopFuture<ClientTLS> {
        if let context = context.withLock({ $0 }) { return loop.makeSucceededFuture(Self.policy(context)) }
        return NIOThreadPool.singleton.runIfActive(eventLoop: loop) {
            var configuration = TLSConfiguration.makeClientConfiguration()
            configuration.applicationProtocols = ["http/1.1"]
            let made = try NIOSSLContext(configuration: configuration)
            return Self.policy(
                self.context.withLock { context in
                    context = context ?? made
                    return context ?? made
                }
            )
        }
    }

    private static func policy(_ context: NIOSSLContext) -> ClientTLS {
        ClientTLS { endpoint in
            guard case .tls(let serverName) = endpoint.security else {
                return try NIOSSLClientHandler(context: context, serverHostname: nil)
            }
            // RFC 6066 §3: an address is no server name; the certificate is checked against it all the same.
            let isAddress = (try? SocketAddress(ipAddress: serverName, port: 0)) != nil
            return try NIOSSLClientHandler(context: context, serverHostname: isAddress ? nil : serverName)
        }
    }
}
