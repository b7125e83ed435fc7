// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ArgumentParser
import Crypto
import CryptoExtras
import Foundation
import MeshSecurity

/// The algorithms that issuers use, each with a key of its own.
enum TokenSigner: String, CaseIterable, ExpressibleByArgument {
    case rs256 = "RS256"
    case es256 = "ES256"
    case edDSA = "EdDSA"
    case hs256 = "HS256"

    /// A key set with one key, and what signs by it.
    func key() throws -> (set: JSONWebKeySet, sign: (Data) throws -> Data) {
        switch self {
        case .rs256:
            let key = try _RSA.Signing.PrivateKey(keySize: .bits2048)
            let parts = try key.publicKey.getKeyPrimitives()
            let sign = { (message: Data) in
                try key.signature(for: SHA256.hash(data: message), padding: .insecurePKCS1v1_5).rawRepresentation
            }
            return (set(.rsa(modulus: Array(parts.modulus), exponent: Array(parts.publicExponent))), sign)
        case .es256:
            let key = P256.Signing.PrivateKey()
            let point = Array(key.publicKey.rawRepresentation)
            let material = JSONWebKey.Material.elliptic(.p256, x: Array(point.prefix(32)), y: Array(point.suffix(32)))
            return (set(material), { try key.signature(for: $0).rawRepresentation })
        case .edDSA:
            let key = Curve25519.Signing.PrivateKey()
            return (set(.ed25519(Array(key.publicKey.rawRepresentation))), { try key.signature(for: $0) })
        case .hs256:
            let secret = SymmetricKey(size: .bits256)
            let bytes = secret.withUnsafeBytes { Array($0) }
            return (set(.symmetric(bytes)), { Data(HMAC<SHA256>.authenticationCode(for: $0, using: secret)) })
        }
    }

    private func set(_ material: JSONWebKey.Material) -> JSONWebKeySet {
        JSONWebKeySet(keys: [JSONWebKey(name: "k", material)])
    }
}
