// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import SwiftASN1
import X509

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

extension CertificateRevocationList {
    /// The label of lists in PEM (RFC 7468 §6).
    static let label = "X509 CRL"
    /// The most lists in one document.
    static let maximumListCount = 64

    /// The lists of a PEM document, in order.
    /// - Throws: `IdentityError` if there is none, or anything that is no list.
    public static func lists(inPEM text: String) throws(IdentityError) -> [Self] {
        // Base 64 takes four bytes for three, and a line break for every 48.
        guard text.utf8.count <= maximumSize / 2 * 3 else {
            throw IdentityError(.malformedCertificate, "a document of revocation lists has \(text.utf8.count) bytes")
        }
        let documents: [PEMDocument]
        do {
            documents = try PEMDocument.parseMultiple(pemString: text)
        } catch {
            throw IdentityError(.malformedCertificate, "not a revocation list in PEM: \(error)")
        }
        guard (1...maximumListCount).contains(documents.count) else {
            throw IdentityError(.malformedCertificate, "there are \(documents.count) revocation lists in a document")
        }
        var lists: [Self] = []
        for document in documents {
            guard document.discriminator == label else {
                let label = document.discriminator.prefix(64)
                throw IdentityError(.malformedCertificate, "there is a \(label) among revocation lists")
            }
            lists.append(try Self(der: document.derBytes))
        }
        return lists
    }

    /// Parses a list in DER.
    /// - Throws: `IdentityError` if it is no list, too long, or one of a kind that is not understood.
    public init(der bytes: [UInt8]) throws(IdentityError) {
        guard bytes.count <= Self.maximumSize else {
            throw IdentityError(.malformedCertificate, "a revocation list has at most \(Self.maximumSize) bytes")
        }
        do {
            try self.init(root: DER.parse(bytes))
        } catch let error as IdentityError {
            throw error
        } catch {
            throw IdentityError(.malformedCertificate, "not a revocation list: \("\(error)".prefix(300))")
        }
    }

    private init(root: ASN1Node) throws {
        self = try DER.sequence(root, identifier: .sequence) { nodes in
            guard let signed = nodes.next() else { throw Self.problem("it is empty") }
            let algorithm = try CertificateSignature.algorithm(from: &nodes)
            let signature = try ASN1BitString(derEncoded: &nodes)
            guard signature.paddingBits == 0 else { throw Self.problem("its signature is not whole bytes") }
            let content = try Content(signed)
            // RFC 5280 §5.1.1.2: both say the same, or the outer one, which is not signed, could be exchanged.
            guard content.algorithm == algorithm else { throw Self.problem("it names two signature algorithms") }
            return Self(
                thisUpdate: content.thisUpdate,
                nextUpdate: content.nextUpdate,
                number: content.extensions.number,
                issuer: content.issuer,
                issuerKeyIdentifier: content.extensions.keyIdentifier,
                revoked: content.revoked,
                signedBytes: Array(signed.encodedBytes),
                signatureAlgorithm: algorithm,
                signature: Array(signature.bytes)
            )
        }
    }

    fileprivate static func problem(_ text: String) -> IdentityError {
        IdentityError(.malformedCertificate, "a revocation list cannot be used: \(text)")
    }
}

/// `TBSCertList` of RFC 5280 §5.1.
private struct Content {
    var algorithm: Certificate.SignatureAlgorithm
    var issuer: DistinguishedName
    var thisUpdate: Date
    var nextUpdate: Date?
    var revoked: Set<[UInt8]> = []
    var extensions = RevocationExtensions()

    init(_ node: ASN1Node) throws {
        self = try DER.sequence(node, identifier: .sequence) { nodes in
            let version: Int? = try DER.optionalImplicitlyTagged(&nodes)
            guard version ?? 1 == 1 else {
                throw CertificateRevocationList.problem("its version is not 2")
            }
            var content = Content(
                algorithm: try CertificateSignature.algorithm(from: &nodes),
                issuer: try Self.name(from: &nodes),
                thisUpdate: try CertificateTime.date(from: &nodes)
            )
            content.nextUpdate = try CertificateTime.optionalDate(from: &nodes)
            var rest = nodes
            if let entries = rest.next(), entries.identifier == .sequence {
                nodes = rest
                content.revoked = try Self.serialNumbers(in: entries)
            }
            let extensions = try DER.optionalExplicitlyTagged(&nodes, tagNumber: 0, tagClass: .contextSpecific) {
                node in
                try RevocationExtensions(ofList: node)
            }
            // Extensions came with version 2, which is written down then (RFC 5280 §5.1.2.1).
            guard extensions == nil || version == 1 else {
                throw CertificateRevocationList.problem("it has extensions and no version")
            }
            content.extensions = extensions ?? RevocationExtensions()
            return content
        }
    }

    private init(algorithm: Certificate.SignatureAlgorithm, issuer: DistinguishedName, thisUpdate: Date) {
        self.algorithm = algorithm
        self.issuer = issuer
        self.thisUpdate = thisUpdate
    }

    private static func name(from nodes: inout ASN1NodeCollection.Iterator) throws -> DistinguishedName {
        // Without saying which of the initialisers is meant, a deprecated one would be taken.
        let parse: (inout ASN1NodeCollection.Iterator) throws -> DistinguishedName = DistinguishedName.init(derEncoded:)
        return try parse(&nodes)
    }

    private static func serialNumbers(in node: ASN1Node) throws -> Set<[UInt8]> {
        guard case .constructed(let entries) = node.content else {
            throw CertificateRevocationList.problem("its entries are no sequence")
        }
        var serials: Set<[UInt8]> = []
        for entry in entries {
            let serial = try DER.sequence(entry, identifier: .sequence) { nodes in
                let serial = try ArraySlice<UInt8>(derEncoded: &nodes)
                _ = try CertificateTime.date(from: &nodes)
                if let extensions = nodes.next() { try RevocationExtensions.checkEntry(extensions) }
                return Array(serial)
            }
            serials.insert(serial)
        }
        return serials
    }
}
