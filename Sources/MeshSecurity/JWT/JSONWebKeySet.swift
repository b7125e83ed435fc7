// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// Keys by which an issuer signs tokens (RFC 7517 §5).
public struct JSONWebKeySet: Sendable, Equatable {
    /// The most bytes that a set's text may have. 1 MiB: the largest public sets have some ten kilobytes.
    public static let maximumBytes = 1 << 20
    /// The most keys that are kept of a set; a token without a key's name is checked by each of them.
    public static let maximumKeys = 100

    /// Why a text is no set.
    public struct Malformed: Error, Hashable, CustomStringConvertible {
        /// What is wrong, without anything of the text.
        public let description: String
    }

    /// The keys, in their order.
    public let keys: [JSONWebKey]
    /// How many keys of the text cannot be used.
    public let unusable: Int

    /// Creates a set.
    public init(keys: [JSONWebKey], unusable: Int = 0) {
        self.keys = keys
        self.unusable = unusable
    }

    /// Reads a set. Keys of other kinds, for encryption, or that are broken are left aside, as RFC 7517 §5 asks.
    /// - Throws: `Malformed` if the text is no set, or has no key that can be used.
    /// - Complexity: O(bytes).
    public init(_ text: [UInt8]) throws(Malformed) {
        guard text.count <= Self.maximumBytes else {
            throw Malformed(description: "Jwks is longer than \(Self.maximumBytes) bytes")
        }
        guard let fields = JSONValueReader.object(text) else { throw Malformed(description: "Jwks is an invalid JSON") }
        guard let listed = fields["keys"] else { throw Malformed(description: "Jwks does not have [keys] field") }
        guard case .list(let values) = listed else { throw Malformed(description: "[keys] in Jwks is not an array") }
        var keys: [JSONWebKey] = []
        var unusable = 0
        for value in values {
            guard case .fields(let fields) = value, keys.count < Self.maximumKeys,
                let key = JSONWebKey(fields, position: keys.count)
            else {
                unusable += 1
                continue
            }
            keys.append(key)
        }
        guard !keys.isEmpty else { throw Malformed(description: "Jwks doesn't have any valid public key") }
        self.init(keys: keys, unusable: unusable)
    }
}

extension JSONWebKey {
    /// - Returns: `nil` for a key that cannot check signatures.
    fileprivate init?(_ fields: [String: MetadataValue], position: Int) {
        func text(_ name: String) -> String? {
            if case .text(let text) = fields[name] { text } else { nil }
        }
        func bytes(_ name: String) -> [UInt8]? {
            text(name).flatMap { Base64URL.decoded($0.utf8, allowsPadding: true) }
        }
        // RFC 7517 §4.2 and §4.3: a key for encryption is none for signatures.
        if let use = text("use"), use != "sig" { return nil }
        if case .list(let operations) = fields["key_ops"], !operations.contains(.text("verify")) { return nil }
        let named = text("alg").flatMap { $0.isEmpty ? nil : $0 }
        let algorithm = named.flatMap { SignatureAlgorithm(rawValue: $0) }
        // A key for something that is not known here must not be used for something else.
        guard named == nil || algorithm != nil else { return nil }
        let material: Material
        switch text("kty") {
        case "RSA":
            guard let modulus = bytes("n"), let exponent = bytes("e"), Self.isStandard(exponent: exponent),
                // 2048 bits are the least that RFC 7518 §3.3 allows; 8192 what is worth the time.
                (256...1024).contains(modulus.drop { $0 == 0 }.count)
            else { return nil }
            material = .rsa(modulus: modulus, exponent: exponent)
        case "EC":
            let name =
                text("crv")
                ?? algorithm.flatMap { named in
                    Curve.allCases.first { $0.algorithm == named }?.rawValue
                }
            guard let curve = Curve(rawValue: name ?? Curve.p256.rawValue),
                let x = bytes("x").flatMap({ $0.padded(to: curve.coordinateBytes) }),
                let y = bytes("y").flatMap({ $0.padded(to: curve.coordinateBytes) })
            else { return nil }
            material = .elliptic(curve, x: x, y: y)
        case "OKP":
            guard text("crv") == "Ed25519", let x = bytes("x"), x.count == 32 else { return nil }
            material = .ed25519(x)
        case "oct":
            guard let secret = bytes("k"), !secret.isEmpty else { return nil }
            material = .symmetric(secret)
        default: return nil
        }
        self.init(name: text("kid") ?? "", algorithm: algorithm, material, position: position)
        if let algorithm, !serves(algorithm) { return nil }
    }

    /// 3 and 65537, as Envoy has it.
    private static func isStandard(exponent: [UInt8]) -> Bool {
        let digits = Array(exponent.drop { $0 == 0 })
        return digits == [3] || digits == [1, 0, 1]
    }
}

extension [UInt8] {
    /// A number with as many bytes; `nil` if it is larger.
    fileprivate func padded(to count: Int) -> [UInt8]? {
        let digits = drop { $0 == 0 }
        guard digits.count <= count else { return nil }
        return Array(repeating: 0, count: count - digits.count) + digits
    }
}
