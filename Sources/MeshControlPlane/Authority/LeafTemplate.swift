// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import MeshSecurity
import X509

/// A workload's certificate before it is signed.
struct LeafTemplate {
    var identity: SPIFFEID
    var publicKey: Certificate.PublicKey
    var notBefore: Date
    var notAfter: Date

    /// The certificate: an X.509-SVID, good for both ends of a connection.
    /// - Throws: The crypto library's error if signing fails.
    func signed(by authority: AuthorityKeyPair) throws -> Certificate {
        try Certificate(
            version: .v3,
            serialNumber: Certificate.SerialNumber(),
            publicKey: publicKey,
            notValidBefore: notBefore,
            notValidAfter: notAfter,
            issuer: authority.certificate.subject,
            // The name is critical because the subject is empty (RFC 5280 §4.2.1.6), as in Istio's certificates.
            subject: DistinguishedName(),
            extensions: Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                Critical(KeyUsage(digitalSignature: true))
                try ExtendedKeyUsage([.serverAuth, .clientAuth])
                SubjectKeyIdentifier(hash: publicKey)
                AuthorityKeyIdentifier(
                    keyIdentifier: try authority.certificate.extensions.subjectKeyIdentifier?.keyIdentifier
                )
                Critical(SubjectAlternativeNames([.uniformResourceIdentifier(identity.description)]))
            },
            issuerPrivateKey: authority.key
        )
    }
}
