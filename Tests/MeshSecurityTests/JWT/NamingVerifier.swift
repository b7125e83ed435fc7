// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshSecurity
import Synchronization

/// A verifier for tests: a signature is good if it is the key's name.
final class NamingVerifier: SignatureVerifier {
    private let state = Mutex(0)

    /// How many signatures it was asked about.
    var questions: Int { state.withLock { $0 } }

    func verifies(
        _ signature: [UInt8],
        of message: [UInt8],
        by algorithm: SignatureAlgorithm,
        _ key: JSONWebKey
    ) async -> Bool {
        state.withLock { $0 += 1 }
        return signature == Array(key.name.utf8)
    }
}

/// Keys that tests exchange.
final class SettableKeySet: KeySetSource {
    private let state: Mutex<VersionedKeySet?>

    init(_ keys: [JSONWebKey]?) {
        state = Mutex(keys.map { VersionedKeySet(JSONWebKeySet(keys: $0), version: 1) })
    }

    var current: VersionedKeySet? { state.withLock { $0 } }

    func exchange(_ keys: [JSONWebKey]) {
        state.withLock { $0 = VersionedKeySet(JSONWebKeySet(keys: keys), version: ($0?.version ?? 0) + 1) }
    }

    func wait(until deadline: Deadline) async throws(TokenFailure) -> VersionedKeySet {
        guard let current else { throw .keysNotFetched }
        return current
    }
}

/// A token of these parts, in base 64.
func token(_ claims: String, header: String = #"{"alg":"ES256","kid":"k"}"#, signature: String = "k") -> String {
    [header, claims, signature].map { Base64URL.encoded(Array($0.utf8)) }.joined(separator: ".")
}

extension JSONWebKey {
    /// A key of a name, for ES256.
    static func named(_ name: String, algorithm: SignatureAlgorithm? = nil) -> JSONWebKey {
        let zero = [UInt8](repeating: 0, count: 32)
        return JSONWebKey(name: name, algorithm: algorithm, .elliptic(.p256, x: zero, y: zero))
    }
}
