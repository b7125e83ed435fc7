// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// A token in compact form (RFC 7519, RFC 7515 §3.1), read and not yet believed.
///
/// It has no description: nothing of it may stand in a log.
public struct JSONWebToken: Sendable {
    /// The most bytes that a token may have. Default 64 KiB: what a server takes as a request's head, too.
    public static let maximumBytes = 64 << 10

    /// How it says that it is signed.
    public let algorithm: SignatureAlgorithm
    /// The name of the key that it says it is signed by; empty for none.
    public let keyName: String
    /// Its header.
    public let header: [String: MetadataValue]
    /// Its claims.
    public let claims: [String: MetadataValue]
    /// Who issued it (`iss`); empty for nobody.
    public let issuer: String
    /// Whom it is about (`sub`); empty for nobody.
    public let subject: String
    /// Whom it is meant for (`aud`).
    public let audiences: [String]
    /// From when on it holds (`nbf`), in seconds since 1970; 0 for ever since.
    public let notBefore: UInt64
    /// Until when it holds (`exp`), in seconds since 1970; 0 for ever.
    public let expiration: UInt64
    /// Its claims as they stand in it, in base 64.
    let encodedClaims: String
    /// What is signed.
    public let signedBytes: [UInt8]
    /// The signature.
    public let signature: [UInt8]

    /// Reads a token.
    /// - Throws: What is wrong with its form, in the order in which Envoy looks at it.
    /// - Complexity: O(bytes).
    public init(_ text: String) throws(TokenFailure) {
        guard text.utf8.count <= Self.maximumBytes else { throw .badFormat }
        let parts = text.utf8.split(
            separator: UInt8(ascii: "."),
            maxSplits: 3,
            omittingEmptySubsequences: false
        )
        guard parts.count == 3, parts.allSatisfy({ !$0.isEmpty }) else { throw .badFormat }
        guard let header = Base64URL.decoded(parts[0]) else { throw .headerBadBase64 }
        guard let header = JSONValueReader.object(header) else { throw .headerBadJSON }
        guard case .text(let name) = header["alg"] else { throw .headerBadAlgorithm }
        guard let algorithm = SignatureAlgorithm(rawValue: name) else { throw .algorithmNotSupported }
        guard let keyName = header.text("kid") else { throw .headerBadKeyName }
        guard let payload = Base64URL.decoded(parts[1]) else { throw .payloadBadBase64 }
        guard let claims = JSONValueReader.object(payload) else { throw .payloadBadJSON }
        guard let issuer = claims.text("iss") else { throw .issuerNotText }
        guard let subject = claims.text("sub") else { throw .subjectNotText }
        _ = try claims.seconds("iat", .issuedAtNotNumber, .issuedAtOutOfRange)
        notBefore = try claims.seconds("nbf", .notBeforeNotNumber, .notBeforeOutOfRange)
        expiration = try claims.seconds("exp", .expirationNotNumber, .expirationOutOfRange)
        guard claims.text("jti") != nil else { throw .nameNotText }
        guard let audiences = claims.texts("aud") else { throw .audienceNotText }
        guard let signature = Base64URL.decoded(parts[2]) else { throw .signatureBadBase64 }
        self.header = header
        self.algorithm = algorithm
        self.keyName = keyName
        self.claims = claims
        self.issuer = issuer
        self.subject = subject
        self.audiences = audiences
        self.signature = signature
        encodedClaims = String(Substring(parts[1]))
        signedBytes = Array(text.utf8[..<parts[1].endIndex])
    }

    /// Whether it holds now.
    /// - Parameters:
    ///   - now: Seconds since 1970.
    ///   - skew: How many seconds the issuer's clock may differ.
    public func checkTime(now: UInt64, skew: UInt64) throws(TokenFailure) {
        if now.addingClamped(skew) < notBefore { throw .notYetValid }
        if expiration != 0, now > expiration.addingClamped(skew) { throw .expired }
    }

    /// A claim by the names that lead to it, with dots between them; `nil` if there is none.
    public func claim(_ path: String) -> MetadataValue? {
        var value = MetadataValue.fields(claims)
        for name in path.split(separator: ".", omittingEmptySubsequences: false) {
            guard case .fields(let fields) = value, let next = fields[String(name)] else { return nil }
            value = next
        }
        return value
    }
}

extension UInt64 {
    /// The sum, or the largest number.
    fileprivate func addingClamped(_ other: UInt64) -> UInt64 {
        let (sum, isTooLarge) = addingReportingOverflow(other)
        return isTooLarge ? .max : sum
    }
}

extension [String: MetadataValue] {
    /// A text; empty where there is none, `nil` for something else.
    fileprivate func text(_ name: String) -> String? {
        switch self[name] {
        case nil: ""
        case .text(let text): text
        default: nil
        }
    }

    /// A text or a list of texts; empty where there is none, `nil` for something else.
    fileprivate func texts(_ name: String) -> [String]? {
        switch self[name] {
        case nil: return []
        case .text(let text): return [text]
        case .list(let values):
            var texts: [String] = []
            for value in values {
                guard case .text(let text) = value else { return nil }
                texts.append(text)
            }
            return texts
        default: return nil
        }
    }

    /// A number of seconds; 0 where there is none. What is behind the point is left aside.
    fileprivate func seconds(
        _ name: String,
        _ noNumber: TokenFailure,
        _ outOfRange: TokenFailure
    ) throws(TokenFailure) -> UInt64 {
        switch self[name] {
        case nil: return 0
        case .number(let number):
            guard let seconds = UInt64(exactly: number.rounded(.towardZero)), number >= 0 else { throw outOfRange }
            return seconds
        default: throw noNumber
        }
    }
}
