// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Tokens whose signatures have been checked, as many as it has room for.
///
/// Two generations in place of a list by age: what was used since the last change of generation survives the next one.
struct TokenCache: Sendable {
    private struct Checked {
        let token: JSONWebToken
        let version: UInt64
    }

    private let half: Int
    private let maximumBytes: Int
    private var young: [String: Checked] = [:]
    private var old: [String: Checked] = [:]

    /// Creates an empty cache.
    /// - Parameters:
    ///   - capacity: The most tokens, at least 1.
    ///   - maximumBytes: The most bytes of one of them.
    init(capacity: Int, maximumBytes: Int) {
        half = max((capacity + 1) / 2, 1)
        self.maximumBytes = maximumBytes
    }

    /// How many tokens are in it.
    var count: Int { young.count + old.count }

    /// A token that the keys of that version have signed.
    /// - Complexity: O(bytes of the token).
    mutating func token(_ text: String, version: UInt64) -> JSONWebToken? {
        if let known = young[text] { return known.version == version ? known.token : nil }
        guard let known = old.removeValue(forKey: text), known.version == version else { return nil }
        insert(known, text)
        return known.token
    }

    /// Remembers a token.
    mutating func remember(_ token: JSONWebToken, _ text: String, version: UInt64) {
        guard text.utf8.count <= maximumBytes else { return }
        insert(Checked(token: token, version: version), text)
    }

    private mutating func insert(_ checked: Checked, _ text: String) {
        if young.count >= half, young[text] == nil {
            old = young
            young = [:]
        }
        old[text] = nil
        young[text] = checked
    }
}
