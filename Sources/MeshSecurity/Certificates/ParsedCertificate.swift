// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

package import MeshCore

/// A certificate of X.509, read without a library for it, which plain HTTP does not need.
///
/// It is a record of what was read, and no verdict: whoever asks gets it only of connections whose handshake has verified it.
package struct ParsedCertificate: Hashable, Sendable {
    /// Bytes that are no certificate.
    package struct Malformed: Error, Hashable, Sendable, CustomStringConvertible {
        /// What is wrong with them.
        package let description: String
    }

    /// The longest certificate that is read, in bytes: what a handshake's message can carry several times over.
    static let maximumLength = 1 << 16
    /// The most alternative names that are read.
    static let maximumNames = 1024

    /// The URI names, in order.
    package private(set) var uris: [String] = []
    /// The DNS names, in order.
    package private(set) var dnsNames: [String] = []
    /// The mail addresses, in order.
    package private(set) var emails: [String] = []
    /// The IP addresses, in order, as text.
    package private(set) var addresses: [String] = []
    /// The subject as RFC 2253 writes it; empty if the certificate has none.
    package let subject: String
    /// The issuer as RFC 2253 writes it.
    package let issuer: String
    /// The serial number in hexadecimal, lower case.
    package let serialNumber: String
    /// When it begins to be valid, in seconds since 1970.
    package let validFrom: Int64
    /// When it expires, in seconds since 1970.
    package let validUntil: Int64
    /// Whether it is an authority's.
    package private(set) var isAuthority = false
    /// SHA-256 of all of it, in hexadecimal, lower case: what Envoy's `x-forwarded-client-cert` calls `Hash`.
    package let fingerprint: String
    /// The name of the issuer as it stands there, to find its revocation list by.
    package let issuerBytes: [UInt8]
    /// The name of the subject as it stands there.
    package let subjectBytes: [UInt8]
    /// SubjectPublicKeyInfo as it stands there.
    package let keyBytes: [UInt8]

    /// Reads a certificate in DER.
    /// - Throws: `Malformed` if it is none.
    package init(der bytes: [UInt8]) throws(Malformed) {
        guard bytes.count <= Self.maximumLength else { throw Malformed(description: "it is too long") }
        do throws(DERReader.Malformed) {
            var outside = DERReader(bytes[...])
            var certificate = try outside.next(DERTag.sequence).inside
            guard outside.isAtEnd else { throw DERReader.Malformed(description: "something follows the certificate") }
            var fields = try certificate.next(DERTag.sequence).inside
            _ = try fields.optional(DERTag.context(0, holdsOthers: true))
            serialNumber = try fields.next(DERTag.integer).hexadecimal
            _ = try fields.next(DERTag.sequence)
            let issuer = try fields.next(DERTag.sequence)
            var validity = try fields.next(DERTag.sequence).inside
            validFrom = try validity.next().time()
            validUntil = try validity.next().time()
            let subject = try fields.next(DERTag.sequence)
            keyBytes = Array(try fields.next(DERTag.sequence).whole)
            issuerBytes = Array(issuer.whole)
            subjectBytes = Array(subject.whole)
            self.issuer = try DistinguishedNameText.text(of: issuer)
            self.subject = try DistinguishedNameText.text(of: subject)
            fingerprint = SHA256Digest.hash(bytes).hexadecimal
            _ = try fields.optional(DERTag.context(1, holdsOthers: false))
            _ = try fields.optional(DERTag.context(2, holdsOthers: false))
            if let extensions = try fields.optional(DERTag.context(3, holdsOthers: true)) {
                try read(extensions: extensions)
            }
        } catch {
            throw Malformed(description: error.description)
        }
    }

    /// The names of a peer that proved to own it.
    package var peer: PeerCertificate {
        PeerCertificate(
            uriNames: uris,
            dnsNames: dnsNames,
            emailNames: emails,
            addressNames: addresses,
            subject: subject,
            serialNumber: serialNumber,
            expiresAt: validUntil,
            fingerprint: fingerprint
        )
    }

    private mutating func read(extensions: DERReader.Value) throws(DERReader.Malformed) {
        var list = try extensions.inside.firstSequence()
        while !list.isAtEnd {
            var fields = try list.next(DERTag.sequence).inside
            let identifier = Array(try fields.next(DERTag.objectIdentifier).content)
            _ = try fields.optional(DERTag.boolean)
            let value = try fields.next(DERTag.octetString)
            switch identifier {
            case [0x55, 0x1d, 17]: try read(names: value)
            case [0x55, 0x1d, 19]:
                var constraints = try value.inside.firstSequence()
                isAuthority = try constraints.optional(DERTag.boolean)?.content.first == 0xff
            default: break
            }
        }
    }

    private mutating func read(names value: DERReader.Value) throws(DERReader.Malformed) {
        var names = try value.inside.firstSequence()
        var count = 0
        while !names.isAtEnd {
            let name = try names.next()
            count += 1
            guard count <= Self.maximumNames else { throw DERReader.Malformed(description: "it has too many names") }
            switch name.tag {
            case 0x81: emails.append(try name.ascii())
            case 0x82: dnsNames.append(try name.ascii())
            case 0x86: uris.append(try name.ascii())
            case 0x87: addresses.append(try name.address())
            default: break
            }
        }
    }
}

extension DERReader {
    /// A reader of the one sequence that is here.
    fileprivate func firstSequence() throws(Malformed) -> DERReader {
        var reader = self
        let value = try reader.next(DERTag.sequence)
        guard reader.isAtEnd else { throw Malformed(description: "something follows a sequence") }
        return value.inside
    }
}

extension DERReader.Value {
    /// The text. A NUL has fooled others into reading half of a name, and other bytes than ASCII are no IA5String.
    fileprivate func ascii() throws(DERReader.Malformed) -> String {
        guard content.allSatisfy({ $0 > 0 && $0 < 0x80 }) else {
            throw DERReader.Malformed(description: "a name is no ASCII")
        }
        return String(decoding: content, as: UTF8.self)
    }

    fileprivate func address() throws(DERReader.Malformed) -> String {
        let bytes = Array(content)
        guard let text = IPAddressText.text(of: bytes) else {
            throw DERReader.Malformed(description: "an address has \(bytes.count) bytes")
        }
        return text
    }
}

extension Sequence<UInt8> {
    /// The bytes in hexadecimal, lower case.
    package var hexadecimal: String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
