// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import X509

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The revocation lists of one trust domain, and what they decide.
///
/// A certificate that a list takes back is refused, also when the list is out of date: it does not come back by itself.
/// About one that no list knows, `unknown` decides.
public struct RevocationLists: Hashable, Sendable {
    /// The most lists of a domain: one for each authority that signs there, and some that are replaced.
    static let maximumCount = 64

    /// What happens to a certificate about which no list in force says anything: its authority has none here, or only
    /// such as it did not sign, or such as are out of date.
    public enum Unknown: Hashable, Sendable {
        /// It is refused. Envoy's rule once it has a list (`CertificateValidationContext.crl`).
        case refused
        /// It is taken. gRPC's default (gRFC A69): an authority that is away does not take the mesh with it.
        case accepted
    }

    /// Which certificates of a chain are looked up; the root never is, which is trusted for itself.
    public enum Scope: Hashable, Sendable {
        /// All below the root. Envoy's default.
        case chain
        /// The first one only (Envoy's `only_verify_leaf_cert_crl`).
        case leaf
    }

    /// The lists.
    public private(set) var lists: [CertificateRevocationList] = []
    /// What happens to certificates that no list knows.
    public var unknown: Unknown
    /// Which certificates are looked up.
    public var scope: Scope

    /// Creates a set of lists.
    /// - Parameters:
    ///   - pem: Documents with one list each or several.
    ///   - unknown: What happens to certificates that no list knows. Default `refused`, as in Envoy.
    ///   - scope: Which certificates are looked up. Default all of a chain, as in Envoy.
    /// - Throws: `IdentityError` if a document is no list, or if there are too many.
    public init(
        pem documents: [String] = [],
        unknown: Unknown = .refused,
        scope: Scope = .chain
    ) throws(IdentityError) {
        self.unknown = unknown
        self.scope = scope
        for document in documents {
            for list in try CertificateRevocationList.lists(inPEM: document) { try insert(list) }
        }
    }

    /// Adds a list. Older ones of the same authority stay, without effect from then on.
    /// - Throws: `IdentityError` if there are too many.
    public mutating func insert(_ list: CertificateRevocationList) throws(IdentityError) {
        guard !lists.contains(list) else { return }
        guard lists.count < Self.maximumCount else {
            throw IdentityError(.malformedCertificate, "a trust domain has at most \(Self.maximumCount) lists")
        }
        lists.append(list)
    }

    /// Checks a chain that is valid but for revocation.
    /// - Parameter chain: From the leaf to the root.
    /// - Throws: `IdentityError` with the code `revoked`, or `untrusted` if it is unknown whether one is.
    func check(_ chain: [Certificate], at now: Date) throws(IdentityError) {
        for (certificate, issuer) in zip(chain, chain.dropFirst()) {
            try check(certificate, issuedBy: issuer, at: now)
            if scope == .leaf { return }
        }
    }

    private func check(
        _ certificate: Certificate,
        issuedBy issuer: Certificate,
        at now: Date
    ) throws(IdentityError) {
        // What an authority says later counts, but nothing that it has not said yet.
        let newest = lists.filter { $0.thisUpdate <= now && $0.isSigned(by: issuer) }
            .max { $0.thisUpdate < $1.thisUpdate }
        if let newest, newest.contains(certificate.serialNumber) {
            throw IdentityError(.revoked, "the certificate \(certificate.serialNumber) is revoked")
        }
        guard unknown == .refused, newest?.isCurrent(at: now) != true else { return }
        let reason = newest == nil ? "its authority has no revocation list here" : "the revocation list is out of date"
        throw IdentityError(.untrusted, "whether \(certificate.serialNumber) is revoked is unknown: \(reason)")
    }
}
