// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshSecurity
import SwiftASN1
import X509

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The trusted certificates of one domain, as SPIFFE's bundle format has them: a JSON Web Key Set whose keys for
/// `x509-svid` carry one certificate each (SPIFFE Trust Domain and Bundle, §4).
public struct SPIFFEBundle: Hashable, Sendable {
    /// The largest document, in bytes.
    public static let maximumSize = 4 << 20
    /// The most keys of a bundle.
    static let maximumKeys = 1024

    /// The roots as PEM, one after the other.
    public let roots: String
    /// Grows with each change of the bundle (`spiffe_sequence`); `nil` if it does not say.
    public let sequence: UInt64?
    /// After how many seconds a new one should be asked for (`spiffe_refresh_hint`); `nil` if it does not say.
    public let refreshHint: UInt64?

    fileprivate struct Document: Decodable {
        struct Key: Decodable {
            var kty: String?
            var use: String?
            var kid: String?
            var x5c: [String]?
        }

        var keys: [Key]?
        var sequence: UInt64?
        var refreshHint: UInt64?

        enum CodingKeys: String, CodingKey {
            case keys
            case sequence = "spiffe_sequence"
            case refreshHint = "spiffe_refresh_hint"
        }
    }

    /// Reads the bundle of a domain.
    /// - Parameters:
    ///   - json: The document.
    ///   - trustDomain: Whose bundle it is.
    /// - Throws: `IdentityError` if anything of it is wrong: what is partly read would trust less, or later more, than what
    ///   was meant.
    public init(json: String, trustDomain: String) throws(IdentityError) {
        try self.init(SPIFFEBundle.decode(Document.self, json), trustDomain: trustDomain)
    }

    private init(_ document: Document, trustDomain: String) throws(IdentityError) {
        let named = try? SPIFFEID("spiffe://\(trustDomain)")
        guard let named, named.path.isEmpty else {
            throw IdentityError(.malformedCertificate, "\(trustDomain.prefix(300)) is no trust domain")
        }
        guard let keys = document.keys, keys.count <= Self.maximumKeys else {
            throw IdentityError(.malformedCertificate, "the bundle of \(trustDomain) has no keys, or too many")
        }
        var roots: [String] = []
        var trust = TrustBundle()
        for (position, key) in keys.enumerated() {
            let place = "keys[\(position)] of the bundle of \(trustDomain)"
            guard let type = key.kty, ["RSA", "EC"].contains(type) else {
                throw IdentityError(.malformedCertificate, "\(place) has no known kty")
            }
            // SPIRE's bundles have keys for JWT-SVIDs, too, which are for others; any other use breaks the standard.
            guard let use = key.use, ["x509-svid", "jwt-svid"].contains(use) else {
                throw IdentityError(.malformedCertificate, "\(place) has no known use")
            }
            guard use == "x509-svid" else { continue }
            guard let chain = key.x5c, chain.count == 1, let der = Data(base64Encoded: chain[0]) else {
                throw IdentityError(.malformedCertificate, "\(place) has not exactly one certificate in x5c")
            }
            let certificate: Certificate
            do {
                certificate = try Certificate(derEncoded: Array(der))
            } catch {
                throw IdentityError(.malformedCertificate, "\(place) has no certificate in x5c")
            }
            try trust.insert(certificate, trustDomain: trustDomain)
            roots.append(PEMDocument(type: "CERTIFICATE", derBytes: Array(der)).pemString)
        }
        self.roots = roots.joined(separator: "\n")
        self.sequence = document.sequence
        self.refreshHint = document.refreshHint
    }

    fileprivate static func decode<Value: Decodable>(_: Value.Type, _ json: String) throws(IdentityError) -> Value {
        guard json.utf8.count <= maximumSize else {
            throw IdentityError(.malformedCertificate, "a bundle has at most \(maximumSize) bytes")
        }
        do {
            return try JSONDecoder().decode(Value.self, from: Data(json.utf8))
        } catch {
            throw IdentityError(.malformedCertificate, "not a SPIFFE bundle in JSON")
        }
    }

    fileprivate struct Map: Decodable {
        fileprivate var trustDomains: [String: Document]

        private enum CodingKeys: String, CodingKey {
            case trustDomains = "trust_domains"
        }
    }

    fileprivate static func bundles(_ map: Map) throws(IdentityError) -> [String: SPIFFEBundle] {
        var bundles: [String: SPIFFEBundle] = [:]
        for (domain, document) in map.trustDomains.sorted(by: { $0.key < $1.key }) {
            bundles[domain] = try SPIFFEBundle(document, trustDomain: domain)
        }
        return bundles
    }
}

/// The bundles of several domains in one file, as gRPC reads them (gRFC A87, `spiffe_trust_bundle_map_file`).
///
/// Any error refuses the whole file, as gRPC does.
public struct SPIFFEBundleMap: Hashable, Sendable {
    /// The most domains.
    public static let maximumDomains = 1000

    /// The bundles by trust domain.
    public let bundles: [String: SPIFFEBundle]

    /// Reads a map: `{"trust_domains": {"example.org": {"keys": […]}}}`.
    /// - Throws: `IdentityError` if anything of it is wrong.
    public init(json: String) throws(IdentityError) {
        let map = try SPIFFEBundle.decode(SPIFFEBundle.Map.self, json)
        guard map.trustDomains.count <= Self.maximumDomains else {
            throw IdentityError(.malformedCertificate, "a map has at most \(Self.maximumDomains) trust domains")
        }
        self.bundles = try SPIFFEBundle.bundles(map)
    }

    /// What they trust.
    public var trust: TrustBundle {
        get throws(IdentityError) {
            try TrustBundle(pemByTrustDomain: bundles.filter { !$0.value.roots.isEmpty }.mapValues { [$0.roots] })
        }
    }
}
