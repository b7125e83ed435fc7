// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import SwiftASN1
package import X509

#if canImport(FoundationEssentials)
package import FoundationEssentials
#else
package import Foundation
#endif

extension CertificateRevocationList {
    /// One certificate that is taken back.
    package struct Entry: Hashable, Sendable {
        package var serialNumber: Certificate.SerialNumber
        package var revokedAt: Date

        package init(serialNumber: Certificate.SerialNumber, revokedAt: Date) {
            self.serialNumber = serialNumber
            self.revokedAt = revokedAt
        }
    }

    /// Makes and signs a list.
    /// - Parameters:
    ///   - number: Greater than that of every earlier list of the authority.
    ///   - authority: Whose certificates they are.
    ///   - key: The authority's.
    /// - Throws: The crypto library's error if signing fails; `IdentityError` if the list would be too long.
    package init(
        of entries: [Entry],
        number: UInt64,
        thisUpdate: Date,
        nextUpdate: Date,
        authority: Certificate,
        key: Certificate.PrivateKey
    ) throws {
        let algorithm = CertificateSignature.algorithm(for: key.publicKey)
        var content = DER.Serializer()
        try content.appendConstructedNode(identifier: .sequence) { coder in
            try coder.serialize(1)
            try CertificateSignature.serialize(algorithm, into: &coder)
            try coder.serialize(authority.subject)
            try CertificateTime.serialize(thisUpdate, into: &coder)
            try CertificateTime.serialize(nextUpdate, into: &coder)
            // RFC 5280 §5.1.2.6: left out when there are none.
            if !entries.isEmpty {
                try coder.appendConstructedNode(identifier: .sequence) { coder in
                    for entry in entries {
                        try coder.appendConstructedNode(identifier: .sequence) { coder in
                            try coder.serialize(entry.serialNumber.bytes)
                            try CertificateTime.serialize(entry.revokedAt, into: &coder)
                        }
                    }
                }
            }
            try coder.serialize(explicitlyTaggedWithTagNumber: 0, tagClass: .contextSpecific) { coder in
                try coder.serializeSequenceOf(Self.extensions(number: number, authority: authority))
            }
        }
        let signature = try key.sign(bytes: content.serializedBytes, signatureAlgorithm: algorithm)
        var list = DER.Serializer()
        try list.appendConstructedNode(identifier: .sequence) { coder in
            coder.serializeRawBytes(content.serializedBytes)
            try CertificateSignature.serialize(algorithm, into: &coder)
            try coder.serialize(ASN1BitString(bytes: signature.rawRepresentation[...]))
        }
        // What nobody could read is not published.
        try self.init(der: list.serializedBytes)
    }

    /// The list in DER.
    package var der: [UInt8] {
        get throws {
            var list = DER.Serializer()
            try list.appendConstructedNode(identifier: .sequence) { coder in
                coder.serializeRawBytes(signedBytes)
                try CertificateSignature.serialize(signatureAlgorithm, into: &coder)
                try coder.serialize(ASN1BitString(bytes: signature[...]))
            }
            return list.serializedBytes
        }
    }

    /// The list in PEM.
    package var pem: String {
        get throws { try PEMDocument(type: Self.label, derBytes: der).pemString }
    }

    private static func extensions(number: UInt64, authority: Certificate) throws -> [Certificate.Extension] {
        var value = DER.Serializer()
        try value.serialize(number)
        var all = [
            Certificate.Extension(
                oid: RevocationExtensions.numberOID,
                critical: false,
                value: value.serializedBytes[...]
            )
        ]
        if let identifier = try authority.extensions.subjectKeyIdentifier?.keyIdentifier {
            all.append(try Certificate.Extension(AuthorityKeyIdentifier(keyIdentifier: identifier), critical: false))
        }
        return all
    }
}
