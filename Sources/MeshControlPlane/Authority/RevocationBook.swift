// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation

/// The certificates that an authority issued and that still live, and those of them that it took back.
///
/// A value: whoever holds it keeps it on disk.
struct RevocationBook: Sendable {
    /// A certificate.
    struct Issued: Hashable, Sendable {
        /// In hexadecimal digits.
        var serialNumber: String
        var identity: String
        var notAfter: Date
        /// Which of the authority's keys signed it.
        var issuer: String
    }

    /// A certificate that was taken back.
    struct Revoked: Hashable, Sendable, Codable {
        var serialNumber: String
        /// Whom it names, as far as that is known.
        var identity: String?
        var revokedAt: Date
        /// After this it needs no mention any more.
        var notAfter: Date
        /// Which of the authority's keys signed it; `nil` if that is not known.
        var issuer: String?
    }

    /// The most certificates that are kept in mind.
    let maximumIssued: Int
    /// The most certificates in the lists: they grow by some 40 bytes each, and every workload reads them.
    let maximumRevoked: Int

    private(set) var issued: [String: Issued] = [:]
    private(set) var revoked: [String: Revoked]

    init(revoked: [Revoked] = [], maximumIssued: Int = 200_000, maximumRevoked: Int = 50_000) {
        self.maximumIssued = maximumIssued
        self.maximumRevoked = maximumRevoked
        self.revoked = Dictionary(revoked.map { ($0.serialNumber, $0) }) { first, _ in first }
    }

    /// A certificate was issued. When there are too many, it is not kept in mind: it can be taken back by its number only.
    mutating func issued(_ certificate: Issued, now: Date) {
        if issued.count >= maximumIssued { forgetExpired(now: now) }
        guard issued.count < maximumIssued else { return }
        issued[certificate.serialNumber] = certificate
    }

    /// Takes a certificate back.
    /// - Parameter longestLife: How long one lives at most of which nothing is known.
    /// - Returns: What was taken back; `nil` if it was before, or if there are too many.
    mutating func revoke(serialNumber: String, longestLife: TimeInterval, now: Date) -> Revoked? {
        guard revoked[serialNumber] == nil, revoked.count < maximumRevoked else { return nil }
        let known = issued[serialNumber]
        let entry = Revoked(
            serialNumber: serialNumber,
            identity: known?.identity,
            revokedAt: now,
            notAfter: known?.notAfter ?? now.addingTimeInterval(longestLife),
            issuer: known?.issuer
        )
        revoked[serialNumber] = entry
        return entry
    }

    /// The certificates that live and name an identity.
    func serialNumbers(of identity: String, now: Date) -> [String] {
        issued.values.filter { $0.identity == identity && $0.notAfter > now }.map(\.serialNumber).sorted()
    }

    /// Forgets what has expired.
    /// - Returns: Whether the lists are shorter now.
    @discardableResult
    mutating func forgetExpired(now: Date) -> Bool {
        issued = issued.filter { $0.value.notAfter > now }
        let count = revoked.count
        // RFC 5280 §3.3: an entry stays on one list that is made after the certificate has expired.
        revoked = revoked.filter { $0.value.notAfter.addingTimeInterval(AuthorityKeyPair.allowedClockSkew) > now }
        return revoked.count < count
    }
}
