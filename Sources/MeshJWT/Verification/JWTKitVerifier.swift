// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import JWTKit
public import MeshSecurity
import Synchronization

/// Checks the signatures of tokens by jwt-kit.
///
/// ```swift
/// let mesh = try Mesh(MeshConfiguration(signatureVerifier: JWTKitVerifier()))
/// ```
/// It is asked for one algorithm with one key of the kind for it, so that nothing in a token chooses how it is checked.
public final class JWTKitVerifier: SignatureVerifier {
    /// The most keys that stay prepared. Default 256: more than the issuers of one service have together.
    private static let maximumPreparedKeys = 256

    private struct Use: Equatable {
        let key: JSONWebKey
        let algorithm: SignatureAlgorithm
    }

    private let prepared = Mutex<[(use: Use, algorithm: any JWTAlgorithm)]>([])

    /// Creates a verifier.
    public init() {}

    /// Whether a signature is the key's. A key that is none is nobody's.
    public func verifies(
        _ signature: [UInt8],
        of message: [UInt8],
        by algorithm: SignatureAlgorithm,
        _ key: JSONWebKey
    ) async -> Bool {
        do {
            return try await checker(Use(key: key, algorithm: algorithm)).verify(signature, signs: message)
        } catch {
            // Bytes that cannot be a signature, or a point that is not on its curve.
            return false
        }
    }

    private func checker(_ use: Use) async throws -> any JWTAlgorithm {
        if let known = prepared.withLock({ $0.first { $0.use == use }?.algorithm }) { return known }
        let made = try await use.key.algorithm(use.algorithm)
        prepared.withLock { prepared in
            guard !prepared.contains(where: { $0.use == use }) else { return }
            if prepared.count >= Self.maximumPreparedKeys { prepared.removeFirst() }
            prepared.append((use, made))
        }
        return made
    }
}
