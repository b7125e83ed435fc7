// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import SwiftASN1
package import X509

/// Certificates in PEM, read within bounds.
package enum CertificatePEM {
    /// More than any chain has; a peer or an issuer that sends more is not worth the work.
    static let maximumCount = 16
    /// More roots than any domain has.
    static let maximumRoots = 256
    /// More than any chain takes, in bytes of text.
    static let maximumSize = 1 << 20

    /// The certificates of a document, in order.
    /// - Throws: `IdentityError` if there is none, too many, or something that is not a certificate.
    package static func certificates(
        in text: String,
        atMost maximumCount: Int = maximumCount
    ) throws(IdentityError) -> [Certificate] {
        guard text.utf8.count <= maximumSize else {
            throw IdentityError(.malformedCertificate, "a certificate chain has at most \(maximumSize) bytes")
        }
        do {
            let certificates = try PEMDocument.parseMultiple(pemString: text).map { try Certificate(pemDocument: $0) }
            guard (1...maximumCount).contains(certificates.count) else {
                throw IdentityError(.malformedCertificate, "there are \(certificates.count) certificates in a document")
            }
            return certificates
        } catch let error as IdentityError {
            throw error
        } catch {
            throw IdentityError(.malformedCertificate, "not a certificate in PEM: \(error)")
        }
    }
}
