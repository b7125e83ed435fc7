// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Crypto
import MeshSecurity

/// What the bearer of a known token may claim.
struct TokenClaims: Hashable, Sendable {
    /// Which token it is; instances belong to it.
    var owner: Int
    var namespace: String
    var serviceAccounts: Set<String>?
    var isOperator = false

    /// Whether the bearer may be this service account.
    func allows(namespace: String, serviceAccount: String) -> Bool {
        namespace == self.namespace && (serviceAccounts?.contains(serviceAccount) ?? true)
    }

    /// Whether the bearer may be given this identity.
    func allows(_ identity: SPIFFEID, trustDomain: String) -> Bool {
        guard identity.trustDomain == trustDomain, let account = identity.serviceAccount else { return false }
        return allows(namespace: account.namespace, serviceAccount: account.name)
    }
}

/// The tokens that are known, by what cannot be turned back into them.
struct TokenBook: Sendable {
    private let entries: [(digest: SHA256.Digest, claims: TokenClaims)]

    init(_ tokens: [RegistrationToken]) {
        self.entries = tokens.enumerated().map { position, token in
            let claims = TokenClaims(
                owner: position,
                namespace: token.namespace,
                serviceAccounts: token.serviceAccounts,
                isOperator: token.isOperator
            )
            return (SHA256.hash(data: Array(token.secret.utf8)), claims)
        }
    }

    /// What the bearer of a token may claim; `nil` if nobody knows it.
    ///
    /// Every entry is compared, and digests compare in constant time, so that the time taken says nothing of how much of
    /// a guess was right.
    func claims(of secret: String) -> TokenClaims? {
        let digest = SHA256.hash(data: Array(secret.utf8))
        var found: TokenClaims?
        for entry in entries where entry.digest == digest {
            found = entry.claims
        }
        return found
    }
}
