// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// A key that signatures of tokens are checked by (RFC 7517, RFC 7518 §6, RFC 8037).
///
/// It has no description: a symmetric key is a secret.
public struct JSONWebKey: Sendable, Equatable {
    /// What the key is made of.
    public enum Material: Sendable, Equatable {
        /// An RSA public key: modulus and exponent, the most significant byte first.
        case rsa(modulus: [UInt8], exponent: [UInt8])
        /// A point on a curve, as long as the curve's field.
        case elliptic(Curve, x: [UInt8], y: [UInt8])
        /// An Ed25519 public key: 32 bytes.
        case ed25519([UInt8])
        /// A shared secret.
        case symmetric([UInt8])
    }

    /// A curve of NIST's.
    public enum Curve: String, Hashable, Sendable, CaseIterable {
        /// For ES256.
        case p256 = "P-256"
        /// For ES384.
        case p384 = "P-384"
        /// For ES512.
        case p521 = "P-521"

        /// The length of a coordinate, in bytes.
        public var coordinateBytes: Int {
            switch self {
            case .p256: 32
            case .p384: 48
            case .p521: 66
            }
        }

        var algorithm: SignatureAlgorithm {
            switch self {
            case .p256: .es256
            case .p384: .es384
            case .p521: .es512
            }
        }
    }

    /// Its name (`kid`); empty for none.
    public let name: String
    /// The only algorithm that it may be used with (`alg`); `nil` for those of its kind.
    public let algorithm: SignatureAlgorithm?
    /// What it is made of.
    public let material: Material
    /// Where it stands in its set: two keys may look alike.
    let position: Int

    /// Creates a key.
    public init(name: String = "", algorithm: SignatureAlgorithm? = nil, _ material: Material, position: Int = 0) {
        self.name = name
        self.algorithm = algorithm
        self.material = material
        self.position = position
    }

    /// Whether a token's signature may be checked by it.
    ///
    /// The key's kind says which algorithms are possible, never the token: a public key is no shared secret.
    public func serves(_ algorithm: SignatureAlgorithm) -> Bool {
        switch (material, algorithm) {
        case (.rsa, .rs256), (.rsa, .rs384), (.rsa, .rs512), (.rsa, .ps256), (.rsa, .ps384), (.rsa, .ps512): true
        case (.elliptic(let curve, _, _), let algorithm): curve.algorithm == algorithm
        case (.ed25519, .edDSA): true
        // RFC 7518 §3.2: a secret is at least as long as the hash.
        case (.symmetric(let secret), .hs256): secret.count >= 32
        case (.symmetric(let secret), .hs384): secret.count >= 48
        case (.symmetric(let secret), .hs512): secret.count >= 64
        default: false
        }
    }

    /// Whether a token means it by name and algorithm, as Envoy asks: what either of the two does not say, holds.
    func isMeant(by token: JSONWebToken) -> Bool {
        if !token.keyName.isEmpty, !name.isEmpty, token.keyName != name { return false }
        return algorithm == nil || algorithm == token.algorithm
    }
}
