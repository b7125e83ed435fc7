// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import SwiftASN1
package import X509

#if canImport(FoundationEssentials)
public import FoundationEssentials
#else
public import Foundation
#endif

/// A list of the certificates that an authority takes back before they expire (RFC 5280 §5).
///
/// Full lists of one authority are understood: those that list another authority's certificates (indirect ones), only a
/// part of them, or only what changed since another list are refused when they are parsed, because they would answer
/// for certificates that they do not cover. Whether the authority really signed the list is found out when a certificate
/// is checked against it.
public struct CertificateRevocationList: Hashable, Sendable {
    /// The longest list, in bytes of DER: 4 MiB, about 100 000 certificates.
    public static let maximumSize = 4 << 20

    /// When the list was made.
    public let thisUpdate: Date
    /// When the next one is made at the latest; `nil` if the authority does not say.
    public let nextUpdate: Date?
    /// The list's number, in hexadecimal digits; it grows with each list of an authority. `nil` if it has none.
    public let number: String?

    package let issuer: DistinguishedName
    /// Which of the authority's keys signed it, if it says so.
    let issuerKeyIdentifier: [UInt8]?
    let revoked: Set<[UInt8]>
    /// What is signed, exactly as it came.
    let signedBytes: [UInt8]
    let signatureAlgorithm: Certificate.SignatureAlgorithm
    let signature: [UInt8]
    /// Which keys were found to have signed it: a signature takes longer to check than all the rest of it.
    private let verdicts: SignatureVerdicts

    init(
        thisUpdate: Date,
        nextUpdate: Date?,
        number: String?,
        issuer: DistinguishedName,
        issuerKeyIdentifier: [UInt8]?,
        revoked: Set<[UInt8]>,
        signedBytes: [UInt8],
        signatureAlgorithm: Certificate.SignatureAlgorithm,
        signature: [UInt8]
    ) {
        self.thisUpdate = thisUpdate
        self.nextUpdate = nextUpdate
        self.number = number
        self.issuer = issuer
        self.issuerKeyIdentifier = issuerKeyIdentifier
        self.revoked = revoked
        self.signedBytes = signedBytes
        self.signatureAlgorithm = signatureAlgorithm
        self.signature = signature
        self.verdicts = SignatureVerdicts()
    }

    /// How many certificates it takes back.
    public var count: Int { revoked.count }

    /// Whether it takes a certificate back.
    package func contains(_ serialNumber: Certificate.SerialNumber) -> Bool {
        revoked.contains(Array(serialNumber.bytes))
    }

    /// Whether an authority made this list: its name is there, its key may sign lists, and it signed this one.
    package func isSigned(by authority: Certificate) -> Bool {
        guard authority.subject == issuer else { return false }
        if let mine = issuerKeyIdentifier,
            let theirs = try? authority.extensions.subjectKeyIdentifier?.keyIdentifier,
            !theirs.elementsEqual(mine)
        {
            return false
        }
        do {
            if let usage = try authority.extensions.keyUsage, !usage.cRLSign { return false }
        } catch {
            return false
        }
        return verdicts.verdict(on: authority.publicKey) {
            authority.publicKey.isValidSignature(signature, for: signedBytes, signatureAlgorithm: signatureAlgorithm)
        }
    }

    /// Whether the time is between the list's dates. One without a second date stays in force until it is replaced.
    func isCurrent(at now: Date) -> Bool {
        thisUpdate <= now && nextUpdate.map { now <= $0 } ?? true
    }

    /// Whether two lists say the same and carry the same signature.
    public static func == (one: Self, other: Self) -> Bool {
        one.signedBytes == other.signedBytes && one.signature == other.signature
    }

    /// Feeds what tells lists apart.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(signature)
    }
}
