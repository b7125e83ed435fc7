// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshSecurity
import NIOSSL
import X509

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// One certificate with all that connections need of it: immutable, replaced as a whole.
struct IssuedIdentity: Sendable {
    /// When the leaf expires.
    let expiresAt: Date
    /// What peers are judged by: what came with the certificate, and what was set beside it.
    var trust: TrustBundle
    /// The certificates that are sent.
    let sent: [Certificate]
    /// The leaf's key.
    let key: IdentityKey
    /// What clients' connections are made from, for each version of HTTP that is offered by ALPN. Making one costs far
    /// more than a handshake, so each identity has its own.
    let clientContexts: [ConnectionOptions.HTTPVersion: NIOSSLContext]
    /// What a server's handshake presents.
    let presented: NIOSSLContextConfigurationOverride

    /// Checks a certificate with what comes with it, and prepares it for use.
    /// - Parameters:
    ///   - certificates: The leaf, the authorities that signed it, and any roots.
    ///   - trust: What came with it beside those roots.
    ///   - federation: What is trusted anyway.
    /// - Throws: `IdentityError` if the chain is for another key or identity, or if peers would not trust it.
    init(
        chain certificates: [Certificate],
        key: IdentityKey,
        for spiffeID: SPIFFEID,
        trust delivered: TrustBundle,
        federation: TrustBundle
    ) async throws {
        guard let leaf = certificates.first else {
            throw IdentityError(.malformedCertificate, "there is no certificate")
        }
        guard leaf.publicKey == key.publicKey else {
            throw IdentityError(.mismatch, "the certificate is for another key")
        }
        let identity = try WorkloadCertificate.identity(of: leaf)
        guard identity == spiffeID else {
            throw IdentityError(.mismatch, "this is \(spiffeID), the certificate is for \(identity)")
        }
        var trust = delivered
        var sent = [leaf]
        for certificate in certificates.dropFirst() {
            if certificate.subject == certificate.issuer {
                try trust.insert(certificate, trustDomain: identity.trustDomain)
            } else {
                sent.append(certificate)
            }
        }
        // What no peer would accept must not replace what they do accept.
        var all = trust
        all.formUnion(federation)
        _ = try await PeerVerifier(trust: all).proof(from: sent, role: .server)

        let privateKey = NIOSSLPrivateKeySource.privateKey(try key.forTLS())
        let chain = try sent.map { NIOSSLCertificateSource.certificate(try PeerVerifier.forTLS($0)) }
        var contexts: [ConnectionOptions.HTTPVersion: NIOSSLContext] = [:]
        for version in ConnectionOptions.HTTPVersion.allCases {
            var configuration = TLSConfiguration.meshDefaults(applicationProtocols: version.applicationProtocols)
            configuration.certificateChain = chain
            configuration.privateKey = privateKey
            contexts[version] = try NIOSSLContext(configuration: configuration)
        }
        var presented = NIOSSLContextConfigurationOverride()
        presented.certificateChain = chain
        presented.privateKey = privateKey

        self.expiresAt = leaf.notValidAfter
        self.trust = trust
        self.sent = sent
        self.key = key
        self.clientContexts = contexts
        self.presented = presented
    }
}

extension TLSConfiguration {
    /// What both ends of the mesh's connections have in common: the peer must show a certificate, which is judged by the
    /// verification callback; nothing is read from the system's trust store.
    static func meshDefaults(applicationProtocols: [String]) -> TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        // Istio's and Envoy's servers take TLS 1.2, which is their lower bound too.
        configuration.minimumTLSVersion = .tlsv12
        // With full verification NIOSSL checks the host's name even after a callback has accepted the chain.
        configuration.certificateVerification = .noHostnameVerification
        configuration.trustRoots = .certificates([])
        configuration.applicationProtocols = applicationProtocols
        return configuration
    }
}
