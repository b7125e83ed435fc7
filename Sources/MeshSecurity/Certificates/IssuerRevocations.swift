// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// Which certificates their authorities have taken back (RFC 5280 §5), as far as it takes to look for one of them.
///
/// The lists come from whoever says which roots are trusted, over the same channel; so their signatures are not verified here.
package struct IssuerRevocations: Hashable, Sendable {
    /// What the lists say of a certificate.
    package enum Verdict: Hashable, Sendable {
        /// Its issuer's list is in force, and it is not on it.
        case good
        /// It is on its issuer's list.
        case revoked
        /// Its issuer has no list here that is in force.
        case unknown
    }

    private struct Entry: Hashable, Sendable {
        var validUntil: Int64?
        var validFrom: Int64
        var serialNumbers: Set<String>
    }

    /// The most certificates that all lists together may name.
    static let maximumEntries = 1_000_000

    private var lists: [[UInt8]: Entry] = [:]

    /// Reads lists in DER; of two of one issuer the one that was made later counts.
    /// - Throws: `ParsedCertificate.Malformed` if one is none.
    package init(der documents: [[UInt8]]) throws(ParsedCertificate.Malformed) {
        do throws(DERReader.Malformed) {
            var count = 0
            for document in documents {
                let (issuer, entry) = try Self.read(document[...])
                count += entry.serialNumbers.count
                guard count <= Self.maximumEntries else {
                    throw DERReader.Malformed(description: "the lists name too many certificates")
                }
                if let other = lists[issuer], other.validFrom >= entry.validFrom { continue }
                lists[issuer] = entry
            }
        } catch {
            throw ParsedCertificate.Malformed(description: error.description)
        }
    }

    /// Reads lists in PEM (RFC 7468 §5.1); whatever else stands in the text is passed over.
    /// - Throws: `ParsedCertificate.Malformed` if there is none, or one that is none.
    package init(pem text: String) throws(ParsedCertificate.Malformed) {
        var documents: [[UInt8]] = []
        var lines: [Substring]?
        for line in text.split(whereSeparator: \.isNewline) {
            switch line {
            case "-----BEGIN X509 CRL-----": lines = []
            case "-----END X509 CRL-----":
                guard let bytes = Base64.decoded((lines ?? []).joined()) else {
                    throw ParsedCertificate.Malformed(description: "a revocation list is no Base64")
                }
                documents.append(bytes)
                lines = nil
            default: lines?.append(line)
            }
        }
        guard !documents.isEmpty, lines == nil else {
            throw ParsedCertificate.Malformed(description: "there is no revocation list in PEM")
        }
        try self.init(der: documents)
    }

    /// What the lists say of a certificate.
    /// - Parameter now: The time, in seconds since 1970.
    package func verdict(on certificate: ParsedCertificate, at now: Int64) -> Verdict {
        guard let list = lists[certificate.issuerBytes] else { return .unknown }
        // What was revoked once stays so, however old the list is.
        if list.serialNumbers.contains(certificate.serialNumber) { return .revoked }
        guard list.validFrom <= now, list.validUntil.map({ now <= $0 }) ?? true else { return .unknown }
        return .good
    }

    private static func read(_ bytes: ArraySlice<UInt8>) throws(DERReader.Malformed) -> ([UInt8], Entry) {
        var outside = DERReader(bytes)
        var list = try outside.next(DERTag.sequence).inside
        guard outside.isAtEnd else { throw DERReader.Malformed(description: "something follows the list") }
        var fields = try list.next(DERTag.sequence).inside
        _ = try fields.optional(DERTag.integer)
        _ = try fields.next(DERTag.sequence)
        let issuer = Array(try fields.next(DERTag.sequence).whole)
        var entry = Entry(validUntil: nil, validFrom: try fields.next().time(), serialNumbers: [])
        if fields.nextTag == DERTag.utcTime || fields.nextTag == DERTag.generalizedTime {
            entry.validUntil = try fields.next().time()
        }
        if let revoked = try fields.optional(DERTag.sequence) {
            var certificates = revoked.inside
            while !certificates.isAtEnd {
                var certificate = try certificates.next(DERTag.sequence).inside
                entry.serialNumbers.insert(try certificate.next(DERTag.integer).hexadecimal)
                _ = try certificate.next().time()
                if let extensions = try certificate.optional(DERTag.sequence) {
                    try refuseCritical(in: extensions.inside)
                }
            }
        }
        if let extensions = try fields.optional(DERTag.context(0, holdsOthers: true)) {
            var outer = extensions.inside
            try refuseCritical(in: try outer.next(DERTag.sequence).inside)
        }
        return (issuer, entry)
    }

    /// A list of somebody else's certificates, or of a part of them, says so in an extension that must be understood.
    private static func refuseCritical(in extensions: DERReader) throws(DERReader.Malformed) {
        var extensions = extensions
        while !extensions.isAtEnd {
            var fields = try extensions.next(DERTag.sequence).inside
            _ = try fields.next(DERTag.objectIdentifier)
            if try fields.optional(DERTag.boolean)?.content.first == 0xff {
                throw DERReader.Malformed(description: "a list has an extension that is not understood")
            }
        }
    }
}
