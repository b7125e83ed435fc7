// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import JWTKit
import MeshCore
import MeshSecurity

extension JSONWebKey {
    /// Why a key is not used for an algorithm.
    struct Unusable: Error {}

    /// The key as jwt-kit's for one algorithm.
    /// - Throws: `Unusable`, and what jwt-kit finds wrong with the key.
    func algorithm(_ algorithm: SignatureAlgorithm) async throws -> any JWTAlgorithm {
        guard serves(algorithm) else { throw Unusable() }
        let keys = JWTKeyCollection()
        switch material {
        case .rsa(let modulus, let exponent):
            let key = try Insecure.RSA.PublicKey(modulus: modulus.base64URL, exponent: exponent.base64URL)
            switch algorithm {
            case .rs256: await keys.add(rsa: key, digestAlgorithm: .sha256)
            case .rs384: await keys.add(rsa: key, digestAlgorithm: .sha384)
            case .rs512: await keys.add(rsa: key, digestAlgorithm: .sha512)
            case .ps256: await keys.add(pss: key, digestAlgorithm: .sha256)
            case .ps384: await keys.add(pss: key, digestAlgorithm: .sha384)
            case .ps512: await keys.add(pss: key, digestAlgorithm: .sha512)
            default: throw Unusable()
            }
        case .elliptic(let curve, let x, let y):
            let point = (x: x.base64URL, y: y.base64URL)
            switch curve {
            case .p256: await keys.add(ecdsa: try ES256PublicKey(parameters: point))
            case .p384: await keys.add(ecdsa: try ES384PublicKey(parameters: point))
            case .p521: await keys.add(ecdsa: try ES512PublicKey(parameters: point))
            }
        case .ed25519(let bytes): await keys.add(eddsa: try EdDSA.PublicKey(x: bytes.base64URL, curve: .ed25519))
        case .symmetric(let secret):
            switch algorithm {
            case .hs256: await keys.add(hmac: HMACKey(from: secret), digestAlgorithm: .sha256)
            case .hs384: await keys.add(hmac: HMACKey(from: secret), digestAlgorithm: .sha384)
            case .hs512: await keys.add(hmac: HMACKey(from: secret), digestAlgorithm: .sha512)
            default: throw Unusable()
            }
        }
        return try await keys.getKey()
    }
}

extension [UInt8] {
    /// The bytes in base 64 for URLs, without padding.
    fileprivate var base64URL: String { Base64URL.encoded(self) }
}
