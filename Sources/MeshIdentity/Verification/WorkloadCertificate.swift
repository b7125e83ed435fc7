// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
package import MeshSecurity
import SwiftASN1
package import X509

/// The rules that a certificate must obey to name a workload (the X.509-SVID standard, §2, §4 and §5).
package enum WorkloadCertificate {
    /// The one identity that a leaf certificate names.
    ///
    /// This looks at the certificate alone: whether anybody trustworthy signed it is for the chain's verification.
    /// - Throws: `IdentityError` if it is not a leaf or does not have exactly one URI name, which must be a SPIFFE ID.
    package static func identity(of certificate: Certificate) throws(IdentityError) -> SPIFFEID {
        let identity = try onlyIdentity(of: certificate)
        do {
            if case .isCertificateAuthority = try certificate.extensions.basicConstraints {
                throw IdentityError(.notAWorkloadCertificate, "the certificate of \(identity) is an authority's")
            }
            if let usage = try certificate.extensions.keyUsage {
                guard !usage.keyCertSign, !usage.cRLSign else {
                    throw IdentityError(.notAWorkloadCertificate, "the key of \(identity) may sign certificates")
                }
                guard usage.digitalSignature else {
                    throw IdentityError(.notAWorkloadCertificate, "the key of \(identity) may not sign handshakes")
                }
            }
        } catch let error as IdentityError {
            throw error
        } catch {
            throw IdentityError(.malformedCertificate, "an extension cannot be parsed: \(error)")
        }
        return identity
    }

    /// The trust domain that an authority's certificate names; `nil` if it has no URI name at all.
    /// - Throws: `IdentityError` if it has several, or one that is no SPIFFE ID.
    static func trustDomain(ofAuthority certificate: Certificate) throws(IdentityError) -> String? {
        try uris(in: certificate).isEmpty ? nil : onlyIdentity(of: certificate).trustDomain
    }

    private static func onlyIdentity(of certificate: Certificate) throws(IdentityError) -> SPIFFEID {
        let uris = try uris(in: certificate)
        guard let uri = uris.first, uris.count == 1 else {
            throw IdentityError(
                .notAWorkloadCertificate,
                "a workload's certificate has exactly one URI name, this one has \(uris.count)"
            )
        }
        do {
            return try SPIFFEID(uri)
        } catch {
            throw IdentityError(.notAWorkloadCertificate, "\(uri) is no SPIFFE ID: \(error)")
        }
    }

    private static func uris(in certificate: Certificate) throws(IdentityError) -> [String] {
        do {
            return try certificate.extensions.subjectAlternativeNames?.compactMap { name in
                if case .uniformResourceIdentifier(let uri) = name { uri } else { nil }
            } ?? []
        } catch {
            throw IdentityError(.malformedCertificate, "the names cannot be parsed: \(error)")
        }
    }
}
