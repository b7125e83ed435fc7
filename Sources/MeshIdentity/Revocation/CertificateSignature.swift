// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Crypto
import SwiftASN1
package import X509

/// Names of signature algorithms as they stand in signed documents (RFC 5758, RFC 4055, RFC 8410).
package enum CertificateSignature {
    private struct Name: Sendable {
        var oid: ASN1ObjectIdentifier
        var hasNull: Bool
        var algorithm: Certificate.SignatureAlgorithm
    }

    /// SHA-1 is not among them: nothing signed with it proves anything.
    private static let known: [Name] = [
        Name(oid: [1, 2, 840, 10045, 4, 3, 2], hasNull: false, algorithm: .ecdsaWithSHA256),
        Name(oid: [1, 2, 840, 10045, 4, 3, 3], hasNull: false, algorithm: .ecdsaWithSHA384),
        Name(oid: [1, 2, 840, 10045, 4, 3, 4], hasNull: false, algorithm: .ecdsaWithSHA512),
        Name(oid: [1, 2, 840, 113549, 1, 1, 11], hasNull: true, algorithm: .sha256WithRSAEncryption),
        Name(oid: [1, 2, 840, 113549, 1, 1, 12], hasNull: true, algorithm: .sha384WithRSAEncryption),
        Name(oid: [1, 2, 840, 113549, 1, 1, 13], hasNull: true, algorithm: .sha512WithRSAEncryption),
        Name(oid: [1, 3, 101, 112], hasNull: false, algorithm: .ed25519),
    ]

    /// The algorithm that fits a key.
    package static func algorithm(for key: Certificate.PublicKey) -> Certificate.SignatureAlgorithm {
        if P256.Signing.PublicKey(key) != nil { return .ecdsaWithSHA256 }
        if P384.Signing.PublicKey(key) != nil { return .ecdsaWithSHA384 }
        if P521.Signing.PublicKey(key) != nil { return .ecdsaWithSHA512 }
        if Curve25519.Signing.PublicKey(key) != nil { return .ed25519 }
        return .sha256WithRSAEncryption
    }

    static func algorithm(from nodes: inout ASN1NodeCollection.Iterator) throws -> Certificate.SignatureAlgorithm {
        guard let node = nodes.next() else {
            throw IdentityError(.malformedCertificate, "a signature's algorithm is missing")
        }
        return try DER.sequence(node, identifier: .sequence) { nodes in
            let oid = try ASN1ObjectIdentifier(derEncoded: &nodes)
            guard let found = known.first(where: { $0.oid == oid }) else {
                throw IdentityError(.malformedCertificate, "the signature algorithm \(oid) is not taken")
            }
            // RFC 4055 §5: NULL with RSA, though some leave it out; nothing at all with the others.
            if found.hasNull, let parameters = nodes.next() { _ = try ASN1Null(derEncoded: parameters) }
            return found.algorithm
        }
    }

    static func serialize(_ algorithm: Certificate.SignatureAlgorithm, into coder: inout DER.Serializer) throws {
        guard let found = known.first(where: { $0.algorithm == algorithm }) else {
            throw IdentityError(.malformedCertificate, "nothing is signed with \(algorithm)")
        }
        try coder.appendConstructedNode(identifier: .sequence) { coder in
            try coder.serialize(found.oid)
            if found.hasNull { try coder.serialize(ASN1Null()) }
        }
    }
}
