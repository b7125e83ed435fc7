// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import NIOCore
import NIOSSL
import Synchronization

/// The TLS contexts that are made of delivered secrets: one for each pair of names and each offer by ALPN, made when a
/// connection first needs it, and again when a secret has been replaced.
///
/// Connections keep the context that they began with, so that a new certificate costs none of them.
final class SecretContexts: Sendable {
    private struct Key: Hashable {
        var place: ObjectIdentifier
        var applicationProtocols: [String]
        var isServer: Bool
    }

    private struct Kept {
        weak var place: DeliveredSecrets?
        var secrets: TransportSecrets
        var context: NIOSSLContext
    }

    /// Beyond so many contexts, those that nobody can ask for any more are looked for.
    private static let sweepAbove = 64

    private let kept = Mutex<(contexts: [Key: Kept], sweepAbove: Int)>(([:], sweepAbove))

    /// How many contexts are kept.
    var count: Int { kept.withLock { $0.contexts.count } }

    /// The context for new connections, and what peers' names are judged by.
    /// - Throws: `DeliveredSecrets.Missing`; what the TLS library throws about secrets that it cannot use.
    func context(
        of place: DeliveredSecrets,
        offering protocols: [String],
        isServer: Bool
    ) throws -> (NIOSSLContext, PeerValidation) {
        let secrets = try place.current
        let key = Key(place: ObjectIdentifier(place), applicationProtocols: protocols, isServer: isServer)
        if let found = kept.withLock({ $0.contexts[key] }), found.secrets === secrets {
            return (found.context, secrets.validation)
        }
        // Outside of the lock: two connections may do the same at once, which costs less than that all others wait.
        let context = try NIOSSLContext(
            configuration: TLSConfiguration(secrets, offering: protocols, isServer: isServer)
        )
        kept.withLock { kept in
            kept.contexts[key] = Kept(place: place, secrets: secrets, context: context)
            guard kept.contexts.count > kept.sweepAbove else { return }
            kept.contexts = kept.contexts.filter { $0.value.place != nil }
            kept.sweepAbove = max(Self.sweepAbove, kept.contexts.count * 2)
        }
        return (context, secrets.validation)
    }
}

extension TLSConfiguration {
    /// What both ends have in common: the peer's chain must lead to the delivered roots and to no others, and its names
    /// are not looked at here.
    fileprivate init(_ secrets: TransportSecrets, offering protocols: [String], isServer: Bool) throws {
        self = .makeClientConfiguration()
        if let certificate = secrets.certificate {
            let chain = try NIOSSLCertificate.fromPEMBytes(Array(certificate.chain.utf8))
            certificateChain = chain.map { .certificate($0) }
            let key = Array(certificate.privateKey.revealed.utf8)
            privateKey = .privateKey(try NIOSSLPrivateKey(bytes: key, format: .pem))
        } else if isServer {
            throw DeliveredSecrets.Missing("a server needs a certificate")
        }
        // Envoy's lower bound for servers, and ours for the mesh's identity.
        minimumTLSVersion = .tlsv12
        certificateVerification = .noHostnameVerification
        let roots = try NIOSSLCertificate.fromPEMBytes(Array(secrets.validation.trustedRoots.utf8))
        trustRoots = .certificates(roots)
        applicationProtocols = protocols
    }
}
