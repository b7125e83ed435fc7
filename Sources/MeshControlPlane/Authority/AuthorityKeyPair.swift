// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Crypto
import Foundation
import MeshIdentity
import SwiftASN1
import X509

/// An authority's key and the certificate that goes with it.
///
/// It has no textual form but `pem`, which is for a file that nobody else may read, and a mirror shows nothing of it.
struct AuthorityKeyPair: Sendable, CustomStringConvertible, CustomReflectable {
    let key: Certificate.PrivateKey
    let certificate: Certificate

    /// Ten years, as istiod's self-signed root. The next one is prepared a year before.
    static let rootLifetime: TimeInterval = 10 * 365 * 86_400
    /// 90 days; half of it is more than the longest life of a workload's certificate.
    static let intermediateLifetime: TimeInterval = 90 * 86_400
    /// Certificates begin this much in the past, for those whose clocks are behind.
    static let allowedClockSkew: TimeInterval = 300

    /// Takes a key and its certificate.
    /// - Throws: `IdentityError` if they do not belong together, or are no authority's.
    init(key: Certificate.PrivateKey, certificate: Certificate) throws {
        guard certificate.publicKey == key.publicKey else {
            throw IdentityError(.mismatch, "the certificate is not the key's")
        }
        guard case .isCertificateAuthority? = try certificate.extensions.basicConstraints else {
            throw IdentityError(.malformedCertificate, "the certificate is not an authority's")
        }
        if let usage = try certificate.extensions.keyUsage, !usage.keyCertSign {
            throw IdentityError(.malformedCertificate, "the key may not sign certificates")
        }
        self.key = key
        self.certificate = certificate
    }

    /// Makes a root for a trust domain that signs itself.
    /// - Throws: The crypto library's error if signing fails.
    init(newRootFor trustDomain: String, now: Date) throws {
        let name = try DistinguishedName {
            OrganizationName(trustDomain)
            CommonName("service mesh root")
        }
        // One authority below it, which signs the leaves.
        try self.init(name, trustDomain, pathLength: 1, lifetime: Self.rootLifetime, signer: nil, now: now)
    }

    /// Makes an authority for leaves below a root.
    /// - Throws: The crypto library's error if signing fails.
    init(newIntermediateBelow root: AuthorityKeyPair, trustDomain: String, now: Date) throws {
        let name = try DistinguishedName {
            OrganizationName(trustDomain)
            CommonName("service mesh issuing authority")
        }
        try self.init(name, trustDomain, pathLength: 0, lifetime: Self.intermediateLifetime, signer: root, now: now)
    }

    private init(
        _ name: DistinguishedName,
        _ trustDomain: String,
        pathLength: Int,
        lifetime: TimeInterval,
        signer: AuthorityKeyPair?,
        now: Date
    ) throws {
        let key = Certificate.PrivateKey(P256.Signing.PrivateKey())
        let expiry = now.addingTimeInterval(lifetime)
        let signersIdentifier = try signer?.certificate.extensions.subjectKeyIdentifier?.keyIdentifier
        self.key = key
        self.certificate = try Certificate(
            version: .v3,
            serialNumber: Certificate.SerialNumber(),
            publicKey: key.publicKey,
            notValidBefore: now.addingTimeInterval(-Self.allowedClockSkew),
            notValidAfter: signer.map { min(expiry, $0.certificate.notValidAfter) } ?? expiry,
            issuer: signer?.certificate.subject ?? name,
            subject: name,
            extensions: Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: pathLength))
                Critical(KeyUsage(keyCertSign: true, cRLSign: true))
                SubjectKeyIdentifier(hash: key.publicKey)
                if let signersIdentifier { AuthorityKeyIdentifier(keyIdentifier: signersIdentifier) }
                SubjectAlternativeNames([.uniformResourceIdentifier("spiffe://\(trustDomain)")])
            },
            issuerPrivateKey: signer?.key ?? key
        )
    }

    /// When it was made.
    var madeAt: Date { certificate.notValidBefore.addingTimeInterval(Self.allowedClockSkew) }

    /// Whether it is a root.
    var signedItself: Bool { certificate.subject == certificate.issuer }

    /// Whether it may sign an authority that signs leaves.
    var maySignAuthorities: Bool {
        guard case .isCertificateAuthority(let length)? = try? certificate.extensions.basicConstraints else {
            return false
        }
        return length.map { $0 > 0 } ?? true
    }

    /// Whether it signed a certificate.
    func signed(_ other: Certificate) -> Bool {
        other.issuer == certificate.subject && certificate.publicKey.isValidSignature(other.signature, for: other)
    }

    /// The key and the certificate, for a file that nobody else may read.
    var pem: String {
        get throws { try key.serializeAsPEM().pemString + "\n" + certificate.serializeAsPEM().pemString + "\n" }
    }

    var description: String { "AuthorityKeyPair" }
    var customMirror: Mirror { Mirror(self, children: []) }
}
