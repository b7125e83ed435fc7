// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import MeshIdentity
import SwiftASN1
import X509

/// What an authority publishes: its roots, and a revocation list for each of its keys.
struct PublishedLists: Sendable {
    /// A list says when the next one comes. Workloads that refuse what no list in force knows stop after this long
    /// without the authority.
    static let lifetime: TimeInterval = 86_400
    /// How often lists are made though nothing has changed.
    static let interval: TimeInterval = 3600

    /// The roots as PEM.
    private(set) var roots = ""
    /// The lists as PEM, one after the other; empty before the first.
    private(set) var pem = ""
    /// When they were made.
    private(set) var madeAt = Date.distantPast
    private var number: UInt64 = 0

    /// Makes new lists.
    /// - Throws: The crypto library's error if signing fails. The earlier ones stay.
    mutating func publish(_ authority: AuthorityState, _ revoked: [RevocationBook.Revoked], now: Date) throws {
        let roots = try authority.roots.map { try $0.serializeAsPEM().pemString }.joined(separator: "\n")
        // Numbers grow over restarts, too, without being kept anywhere.
        let number = max(self.number + 1, UInt64(max(0, now.timeIntervalSince1970)))
        var pairs = authority.issuers.map(\.pair)
        // Who takes the issuing authority back is its root: without its list, strict readers accept nothing.
        for root in [authority.root, authority.next].compactMap(\.self) where !pairs.contains(where: { $0.same(root) })
        {
            pairs.append(root)
        }
        let pem = try pairs.map { pair in
            let issuer = AuthorityState.Issuer.name(of: pair.certificate)
            let entries = revoked.filter { $0.issuer == nil || $0.issuer == issuer }
                .sorted { $0.serialNumber < $1.serialNumber }
                .compactMap { entry in
                    SerialNumberText(entry.serialNumber).map {
                        CertificateRevocationList.Entry(serialNumber: $0.serialNumber, revokedAt: entry.revokedAt)
                    }
                }
            return try CertificateRevocationList(
                of: entries,
                number: number,
                thisUpdate: now.addingTimeInterval(-CertificateAuthority.allowedClockSkew),
                nextUpdate: now.addingTimeInterval(Self.lifetime),
                authority: pair.certificate,
                key: pair.key
            ).pem
        }
        self.roots = roots
        self.pem = pem.joined(separator: "\n")
        self.number = number
        self.madeAt = now
    }
}

extension AuthorityKeyPair {
    fileprivate func same(_ other: AuthorityKeyPair) -> Bool { certificate == other.certificate }
}

/// A certificate's number as people write it: hexadecimal digits, in pairs, with or without colons.
struct SerialNumberText: Hashable, Sendable {
    let serialNumber: Certificate.SerialNumber

    /// - Returns: `nil` if it is no number of 1 to 20 bytes (RFC 5280 §4.1.2.2).
    init?(_ text: String) {
        let digits = text.utf8.filter { $0 != UInt8(ascii: ":") }
        guard !digits.isEmpty, digits.count <= 40 else { return nil }
        let padded = digits.count % 2 == 0 ? digits : [UInt8(ascii: "0")] + digits
        var bytes: [UInt8] = []
        for start in stride(from: 0, to: padded.count, by: 2) {
            guard let byte = UInt8(String(decoding: padded[start...(start + 1)], as: UTF8.self), radix: 16) else {
                return nil
            }
            bytes.append(byte)
        }
        // As in certificates, where a number begins with its first byte that is not zero.
        let significant = bytes.drop { $0 == 0 }
        guard !significant.isEmpty else { return nil }
        self.serialNumber = Certificate.SerialNumber(bytes: Array(significant))
    }

    init(_ serialNumber: Certificate.SerialNumber) {
        self.serialNumber = serialNumber
    }

    /// In pairs of hexadecimal digits, without colons.
    var text: String {
        serialNumber.bytes.map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }
        .joined()
    }
}
