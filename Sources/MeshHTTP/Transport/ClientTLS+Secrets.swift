// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import NIOCore
import NIOSSL

extension ClientTLS {
    /// A policy for endpoints that say which secrets protect them.
    init(_ contexts: SecretContexts) {
        self.init { endpoint in
            guard case .mutualTLS(let identities) = endpoint.security, let place = endpoint.secrets else {
                throw ClientTLS.notConfigured
            }
            let protocols = endpoint.connection.httpVersion.applicationProtocols
            let material = try contexts.material(of: place, offering: protocols, isServer: false)
            guard let names = material.names(and: identities, endpoint.peerNames) else {
                return try NIOSSLClientHandler(context: material.context, serverHostname: endpoint.serverName)
            }
            // The library verifies the chain first, and holds the end of the handshake back until this is decided. A callback
            // of ours in place of its verification would have to build chains itself.
            return try NIOSSLClientHandler._makeSSLClientHandler(
                context: material.context,
                serverHostname: endpoint.serverName
            ) { certificate, channel in
                channel.eventLoop.makeCompletedFuture { try names.check(certificate) }
            }
        }
    }
}
