// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import NIOCore
import NIOSSL

/// The names of which a peer's certificate must have one.
struct PeerNames: Sendable {
    /// The peer's certificate names nobody who is meant.
    struct NotAccepted: Error, CustomStringConvertible {
        var description: String { "the peer's certificate has none of the accepted names" }
    }

    private let accepted: Set<String>

    /// `nil` if any peer will do whose chain leads to the roots.
    init?(_ validation: PeerValidation, and others: [String] = []) {
        accepted = Set(validation.acceptedNames).union(others)
        if accepted.isEmpty { return nil }
    }

    /// Whether a certificate has one of the names, as a URI or as a DNS name. What looks like a URI is looked for among
    /// those only: an authority that lets its customers choose DNS names has not proved an identity by one.
    func accept(_ certificate: NIOSSLCertificate) -> Bool {
        certificate._subjectAlternativeNames().contains { name in
            let text = name.contents.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
            return switch name.nameType {
            case .uri: accepted.contains(text)
            case .dnsName: !text.utf8.contains(UInt8(ascii: ":")) && accepted.contains(text)
            default: false
            }
        }
    }
}

extension ClientTLS {
    /// A policy for endpoints that say which secrets protect them.
    init(_ contexts: SecretContexts) {
        self.init { endpoint in
            guard case .mutualTLS(let identities) = endpoint.security, let place = endpoint.secrets else {
                throw ClientTLS.notConfigured
            }
            let protocols = endpoint.connection.httpVersion.applicationProtocols
            let (context, validation) = try contexts.context(of: place, offering: protocols, isServer: false)
            guard let names = PeerNames(validation, and: identities) else {
                return try NIOSSLClientHandler(context: context, serverHostname: endpoint.serverName)
            }
            // The library verifies the chain first, and holds the end of the handshake back until this is decided. A callback
            // of ours in place of its verification would have to build chains itself.
            return try NIOSSLClientHandler._makeSSLClientHandler(
                context: context,
                serverHostname: endpoint.serverName
            ) { certificate, channel in
                names.accept(certificate)
                    ? channel.eventLoop.makeSucceededVoidFuture()
                    : channel.eventLoop.makeFailedFuture(PeerNames.NotAccepted())
            }
        }
    }
}
