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
    /// The roots to judge peers by: those that came with the certificate and the federated ones.
    let trust: TrustBundle
    /// What clients' connections are made from, for each version of HTTP that is offered by ALPN. Making one costs far
    /// more than a handshake, so each identity has its own.
    let clientContexts: [ConnectionOptions.HTTPVersion: NIOSSLContext]
    /// What a server's handshake presents.
    let presented: NIOSSLContextConfigurationOverride

    /// Checks an issuer's answer and prepares it for use.
    /// - Throws: `IdentityError` if the chain is for another key or identity, or if peers would not trust it.
    init(
        chain certificates: [Certificate],
        answering request: CertificateRequest,
        federation: TrustBundle
    ) async throws {
        guard let leaf = certificates.first else {
            throw IdentityError(.malformedCertificate, "the issuer sent no certificate")
        }
        guard leaf.publicKey == request.key.publicKey else {
            throw IdentityError(.mismatch, "the issuer certified another key")
        }
        let identity = try WorkloadCertificate.identity(of: leaf)
        guard identity == request.spiffeID else {
            throw IdentityError(.mismatch, "asked for \(request.spiffeID), the issuer certified \(identity)")
        }
        var trust = federation
        var sent = [leaf]
        for certificate in certificates.dropFirst() {
            if certificate.subject == certificate.issuer {
                try trust.insert(certificate, trustDomain: identity.trustDomain)
            } else {
                sent.append(certificate)
            }
        }
        // What no peer would accept must not replace what they do accept.
        _ = try await PeerVerifier(trust: trust).proof(from: sent, role: .server)

        let key = NIOSSLPrivateKeySource.privateKey(try request.key.forTLS())
        let chain = try sent.map { NIOSSLCertificateSource.certificate(try PeerVerifier.forTLS($0)) }
        var contexts: [ConnectionOptions.HTTPVersion: NIOSSLContext] = [:]
        for version in ConnectionOptions.HTTPVersion.allCases {
            var configuration = TLSConfiguration.meshDefaults(applicationProtocols: version.applicationProtocols)
            configuration.certificateChain = chain
            configuration.privateKey = key
            contexts[version] = try NIOSSLContext(configuration: configuration)
        }
        var presented = NIOSSLContextConfigurationOverride()
        presented.certificateChain = chain
        presented.privateKey = key

        self.expiresAt = leaf.notValidAfter
        self.trust = trust
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
