// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Who checks signatures: the seam behind which cryptography is. `MeshJWT` has one.
///
/// An implementer guarantees that it answers `true` only if the key's owner signed exactly those bytes by that algorithm,
/// that it does not look at what the token says of itself, and that it neither throws nor traps on any bytes. It is asked
/// only for algorithms that the key `serves`. Called on the request path, from any thread, for tokens that are not cached;
/// it may take some hundred microseconds.
public protocol SignatureVerifier: Sendable {
    /// Whether a signature is the key's.
    func verifies(
        _ signature: [UInt8],
        of message: [UInt8],
        by algorithm: SignatureAlgorithm,
        _ key: JSONWebKey
    ) async -> Bool
}

extension SignatureVerifier {
    /// Checks a token's signature by the keys that it may mean.
    func check(_ token: JSONWebToken, by set: JSONWebKeySet) async throws(TokenFailure) {
        var isMeant = false
        for key in set.keys where key.isMeant(by: token) {
            isMeant = true
            guard key.serves(token.algorithm) else { continue }
            if case .ed25519 = key.material, token.signature.count != 64 { throw .signatureWrongLength }
            if await verifies(token.signature, of: token.signedBytes, by: token.algorithm, key) { return }
        }
        throw isMeant ? .verificationFailed : .noMatchingKey
    }
}
