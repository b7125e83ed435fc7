// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Crypto
import Foundation
import MeshCore
import MeshIdentity
import SwiftASN1
import X509

/// The authority's key and the root certificate that goes with it.
struct AuthorityKeyPair: Sendable {
    let key: Certificate.PrivateKey
    let certificate: Certificate

    /// Ten years, as istiod's self-signed root: it is not rotated yet.
    private static let lifetime: TimeInterval = 10 * 365 * 86_400

    /// Makes a root for a trust domain that signs itself.
    /// - Throws: The crypto library's error if signing fails.
    init(newRootFor trustDomain: String, now: Date) throws {
        let key = Certificate.PrivateKey(P256.Signing.PrivateKey())
        let name = try DistinguishedName {
            OrganizationName(trustDomain)
            CommonName("service mesh root")
        }
        self.key = key
        self.certificate = try Certificate(
            version: .v3,
            serialNumber: Certificate.SerialNumber(),
            publicKey: key.publicKey,
            notValidBefore: now.addingTimeInterval(-300),
            notValidAfter: now.addingTimeInterval(Self.lifetime),
            issuer: name,
            subject: name,
            extensions: Certificate.Extensions {
                // No authority below this one: leaves only.
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
                Critical(KeyUsage(keyCertSign: true, cRLSign: true))
                SubjectKeyIdentifier(hash: key.publicKey)
                SubjectAlternativeNames([.uniformResourceIdentifier("spiffe://\(trustDomain)")])
            },
            issuerPrivateKey: key
        )
    }

    /// Reads what `pem` wrote.
    /// - Throws: `ConfigurationError` if it is no key with its certificate, or one for another domain or time.
    init(pem: String, trustDomain: String, now: Date) throws(ConfigurationError) {
        do {
            let documents = try PEMDocument.parseMultiple(pemString: pem)
            guard documents.count == 2 else {
                throw IdentityError(.malformedCertificate, "not a key and a certificate")
            }
            self.key = try Certificate.PrivateKey(pemDocument: documents[0])
            self.certificate = try Certificate(pemDocument: documents[1])
            guard certificate.publicKey == key.publicKey else {
                throw IdentityError(.mismatch, "the certificate is not the key's")
            }
            // Takes the rules for a root: an authority's certificate that names this domain and no other.
            var bundle = TrustBundle()
            try bundle.insert(certificate, trustDomain: trustDomain)
            guard certificate.notValidBefore <= now, now < certificate.notValidAfter else {
                throw IdentityError(.untrusted, "the root is valid until \(certificate.notValidAfter)")
            }
        } catch {
            throw ConfigurationError(
                path: "stateDirectory",
                "the authority of \(trustDomain) cannot be loaded; move its file away to make a new one: \(error)"
            )
        }
    }

    /// The key and the certificate, for a file that nobody else may read.
    var pem: String {
        get throws { try key.serializeAsPEM().pemString + "\n" + certificate.serializeAsPEM().pemString + "\n" }
    }
}
