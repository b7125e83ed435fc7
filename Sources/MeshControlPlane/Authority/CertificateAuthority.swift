// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Crypto
import Foundation
import MeshCore
import MeshIdentity
import MeshSecurity
import SwiftASN1
import X509

/// Signs the certificates of a trust domain: short-lived, one SPIFFE ID each, for whoever may claim it.
///
/// The root signs leaves directly and lives in the state directory, so that a restart changes nothing for anybody.
final class CertificateAuthority: Sendable {
    /// Certificates begin this much in the past, for workloads whose clocks are behind.
    static let allowedClockSkew: TimeInterval = 60
    /// Far more than a request takes.
    static let maximumRequestSize = 64 << 10

    private let root: AuthorityKeyPair
    private let trustDomain: String
    private let tokens: TokenBook
    private let defaultValidity: Nanoseconds
    private let rootPEM: String

    /// Loads the authority of a trust domain, or makes it if the state directory has none.
    /// - Parameter validity: How long certificates live unless a shorter life is asked for.
    /// - Throws: `ConfigurationError` if the state directory cannot be used. A state that cannot be read is never
    ///   replaced: a new root would cut off every workload that trusts the old one.
    init(
        trustDomain: String,
        stateDirectory: String,
        tokens: TokenBook,
        validity: Nanoseconds,
        now: Date = Date()
    ) throws {
        let file = PrivateFile(directory: stateDirectory, name: "authority.pem")
        try file.prepareDirectory()
        if let pem = try file.read() {
            self.root = try AuthorityKeyPair(pem: pem, trustDomain: trustDomain, now: now)
        } else {
            self.root = try AuthorityKeyPair(newRootFor: trustDomain, now: now)
            try file.write(root.pem)
        }
        self.rootPEM = try root.certificate.serializeAsPEM().pemString
        self.trustDomain = trustDomain
        self.tokens = tokens
        self.defaultValidity = validity
    }

    /// The root certificate as PEM.
    var trustAnchor: String { rootPEM }

    /// Signs a request.
    /// - Parameters:
    ///   - csrPEM: A PKCS #10 request, signed by its own key, with one URI name and nothing else to be certified.
    ///   - bearerToken: What proves who asks.
    ///   - validity: How long the certificate should live; zero, or more than the authority gives, for its default.
    /// - Returns: The leaf and the root as PEM.
    /// - Throws: `SigningRefusal`.
    func issue(
        csrPEM: String,
        bearerToken: String,
        validity: Nanoseconds,
        now: Date = Date()
    ) throws -> [String] {
        guard let claims = tokens.claims(of: bearerToken) else { throw SigningRefusal.unauthenticated }
        let request = try Self.verified(csrPEM)
        let identity = try Self.identity(in: request)
        guard claims.allows(identity, trustDomain: trustDomain) else {
            throw SigningRefusal.forbidden("the token may not claim \(identity)")
        }
        let granted = validity == .zero ? defaultValidity : min(validity, defaultValidity)
        return [try leaf(for: identity, request.publicKey, validity: granted, now: now), rootPEM]
    }

    private func leaf(
        for identity: SPIFFEID,
        _ publicKey: Certificate.PublicKey,
        validity: Nanoseconds,
        now: Date
    ) throws -> String {
        let expiry = min(now.addingTimeInterval(validity.seconds), root.certificate.notValidAfter)
        let certificate = try Certificate(
            version: .v3,
            serialNumber: Certificate.SerialNumber(),
            publicKey: publicKey,
            notValidBefore: max(now.addingTimeInterval(-Self.allowedClockSkew), root.certificate.notValidBefore),
            notValidAfter: expiry,
            issuer: root.certificate.subject,
            // The name is critical because the subject is empty (RFC 5280 §4.2.1.6), as in Istio's certificates.
            subject: DistinguishedName(),
            extensions: Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                Critical(KeyUsage(digitalSignature: true))
                try ExtendedKeyUsage([.serverAuth, .clientAuth])
                SubjectKeyIdentifier(hash: publicKey)
                AuthorityKeyIdentifier(
                    keyIdentifier: try root.certificate.extensions.subjectKeyIdentifier?.keyIdentifier
                )
                Critical(SubjectAlternativeNames([.uniformResourceIdentifier(identity.description)]))
            },
            issuerPrivateKey: root.key
        )
        return try certificate.serializeAsPEM().pemString
    }

    /// The request, once its sender has proved to have the key.
    private static func verified(_ csrPEM: String) throws(SigningRefusal) -> CertificateSigningRequest {
        guard csrPEM.utf8.count <= maximumRequestSize else {
            throw .badRequest("a request has at most \(maximumRequestSize) bytes")
        }
        guard let request = try? CertificateSigningRequest(pemEncoded: csrPEM) else {
            throw .badRequest("not a PKCS #10 request in PEM")
        }
        guard request.publicKey.isValidSignature(request.signature, for: request) else {
            throw .badRequest("the request is not signed by its own key")
        }
        return request
    }

    /// The one identity that a request names. What else it asks for is refused rather than left out, so that nobody
    /// believes to have got it.
    private static func identity(in request: CertificateSigningRequest) throws(SigningRefusal) -> SPIFFEID {
        let extensions: Certificate.Extensions?
        let names: SubjectAlternativeNames?
        do {
            extensions = try request.attributes.extensionRequest?.extensions
            names = try extensions?.subjectAlternativeNames
        } catch {
            throw .badRequest("the requested extensions cannot be parsed")
        }
        guard let names, names.count == 1, case .uniformResourceIdentifier(let uri)? = names.first else {
            throw .badRequest("a request has exactly one name, a URI; this one has \(names?.count ?? 0)")
        }
        if case .isCertificateAuthority? = try? extensions?.basicConstraints {
            throw .badRequest("authorities below this one are not made")
        }
        do {
            return try SPIFFEID(uri)
        } catch {
            throw .badRequest("the name is no SPIFFE ID: \(error)")
        }
    }
}
