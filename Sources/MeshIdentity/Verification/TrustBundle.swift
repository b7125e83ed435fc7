// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

package import X509

/// The root certificates of each trust domain, and what their authorities took back.
///
/// A root vouches for its own domain only: an authority of one domain cannot make identities of another.
public struct TrustBundle: Sendable, Hashable {
    private var roots: [String: Set<Certificate>] = [:]
    private var revocations: [String: RevocationLists] = [:]

    /// Trusts nobody.
    public init() {}

    /// Creates a bundle from PEM documents, each with one certificate or several.
    /// - Throws: `IdentityError` if one cannot be parsed, is no authority's, or names another trust domain.
    public init(pemByTrustDomain: [String: [String]]) throws(IdentityError) {
        for (domain, documents) in pemByTrustDomain {
            for document in documents {
                for certificate in try CertificatePEM.certificates(in: document, atMost: CertificatePEM.maximumRoots) {
                    try insert(certificate, trustDomain: domain)
                }
            }
        }
    }

    /// The domains that have a root.
    public var trustDomains: Set<String> { Set(roots.keys) }

    /// Adds a root.
    /// - Throws: `IdentityError` if it is no authority's, or names another trust domain.
    package mutating func insert(_ root: Certificate, trustDomain: String) throws(IdentityError) {
        guard case .isCertificateAuthority? = try? root.extensions.basicConstraints else {
            throw IdentityError(.malformedCertificate, "a root of \(trustDomain) is not an authority's certificate")
        }
        let named = try WorkloadCertificate.trustDomain(ofAuthority: root)
        guard named == nil || named == trustDomain else {
            throw IdentityError(.mismatch, "a root of \(trustDomain) names the trust domain \(named ?? "")")
        }
        roots[trustDomain, default: []].insert(root)
    }

    /// The revocation lists that certificates of a domain are checked against; `nil` if they are not.
    public func revocations(of trustDomain: String) -> RevocationLists? { revocations[trustDomain] }

    /// Sets the revocation lists that certificates of a domain are checked against, in the place of earlier ones.
    /// - Parameter lists: `nil` to check none.
    public mutating func setRevocations(_ lists: RevocationLists?, of trustDomain: String) {
        revocations[trustDomain] = lists
    }

    /// Adds what another bundle trusts; where both have revocation lists of a domain, the other's count.
    public mutating func formUnion(_ other: TrustBundle) {
        roots.merge(other.roots) { $0.union($1) }
        revocations.merge(other.revocations) { $1 }
    }

    /// The roots of one domain; none if it is unknown.
    package func roots(of trustDomain: String) -> [Certificate] {
        roots[trustDomain].map(Array.init) ?? []
    }
}
