// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import SwiftASN1
import X509

/// What the extensions of a revocation list say (RFC 5280 §5.2), of those that matter here.
struct RevocationExtensions {
    /// `cRLNumber`, which never is critical.
    static let numberOID: ASN1ObjectIdentifier = [2, 5, 29, 20]
    /// `reasonCode` of an entry, which never is critical.
    static let reasonOID: ASN1ObjectIdentifier = [2, 5, 29, 21]
    /// `removeFromCRL`: it stands in lists of changes only, and would mean the opposite of every other entry.
    private static let removal: [UInt8] = [0x0A, 0x01, 0x08]
    /// More than any list has.
    private static let maximumCount = 32

    var keyIdentifier: [UInt8]?
    var number: String?

    init() {}

    init(ofList node: ASN1Node) throws {
        for one in try Self.extensions(in: node) {
            switch one.oid {
            case .X509ExtensionID.authorityKeyIdentifier:
                keyIdentifier = try AuthorityKeyIdentifier(one).keyIdentifier.map { Array($0) }
            case Self.numberOID:
                let bytes = try ArraySlice<UInt8>(derEncoded: DER.parse(one.value))
                // RFC 5280 §5.2.3: at most 20 bytes.
                guard bytes.count <= 20 else {
                    throw IdentityError(.malformedCertificate, "a revocation list's number has \(bytes.count) bytes")
                }
                number = bytes.map { byte in
                    let digits = String(byte, radix: 16)
                    return digits.count == 1 ? "0" + digits : digits
                }
                .joined()
            default:
                // Among them are those that restrict what a list is about: they are always critical.
                try Self.refuseIfCritical(one)
            }
        }
    }

    /// Checks the extensions of one entry, of which none is needed.
    static func checkEntry(_ node: ASN1Node) throws {
        for one in try extensions(in: node) {
            guard one.oid == reasonOID else {
                try refuseIfCritical(one)
                continue
            }
            guard !one.value.elementsEqual(removal) else {
                throw IdentityError(.malformedCertificate, "a full revocation list removes a certificate from itself")
            }
        }
    }

    private static func extensions(in node: ASN1Node) throws -> [Certificate.Extension] {
        let all = try DER.sequence(of: Certificate.Extension.self, identifier: .sequence, rootNode: node)
        guard all.count <= maximumCount, Set(all.map(\.oid)).count == all.count else {
            throw IdentityError(.malformedCertificate, "a revocation list has \(all.count) extensions, or one twice")
        }
        return all
    }

    private static func refuseIfCritical(_ one: Certificate.Extension) throws {
        guard !one.critical else {
            throw IdentityError(.malformedCertificate, "a revocation list has the critical extension \(one.oid)")
        }
    }
}
