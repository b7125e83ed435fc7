// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import NIOCore
import NIOSSL

extension ServerTransportSecurity {
    /// What is offered to callers by ALPN.
    private static let applicationProtocols = ["h2", "http/1.1"]

    /// Delivered secrets, as they are when a connection comes: the caller must show a certificate that leads to the roots.
    init(_ place: DeliveredSecrets, _ contexts: SecretContexts) {
        self.init {
            let protocols = Self.applicationProtocols
            let (context, validation) = try contexts.context(of: place, offering: protocols, isServer: true)
            guard let names = PeerNames(validation) else { return NIOSSLServerHandler(context: context) }
            return NIOSSLServerHandler._makeSSLServerHandler(context: context) { certificate, channel in
                names.accept(certificate)
                    ? channel.eventLoop.makeSucceededVoidFuture()
                    : channel.eventLoop.makeFailedFuture(PeerNames.NotAccepted())
            }
        }
    }
}
