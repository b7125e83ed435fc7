// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import NIOCore
import NIOSSL

extension ServerTransportSecurity {
    /// What is offered to callers by ALPN.
    private static let applicationProtocols = ["h2", "http/1.1"]

    /// Delivered secrets, as they are when a connection comes: the caller must show a certificate that leads to the roots,
    /// if there are any.
    ///
    /// Names and lists are asked on resumed sessions, too. That a chain leads to the roots is not: but a session can be
    /// resumed only with the context that it began with, and other roots make another context.
    init(_ place: DeliveredSecrets, _ contexts: SecretContexts) {
        self.init(knowsVerdicts: false) {
            let protocols = Self.applicationProtocols
            let material = try contexts.material(of: place, offering: protocols, isServer: true)
            guard let names = material.names() else { return NIOSSLServerHandler(context: material.context) }
            return NIOSSLServerHandler._makeSSLServerHandler(context: material.context) { certificate, channel in
                channel.eventLoop.makeCompletedFuture { try names.check(certificate) }
            }
        }
    }
}
