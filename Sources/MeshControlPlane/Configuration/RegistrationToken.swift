// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// A secret and what its bearer may claim to be: where it may register instances and which identities it may be given.
public struct RegistrationToken: Sendable, CustomStringConvertible {
    /// The fewest bytes that a secret may have.
    public static let minimumLength = 16

    /// The secret; at least 16 bytes, better 32 random ones in base 64.
    public var secret: String
    /// The namespace of everything that the bearer claims.
    public var namespace: String
    /// The service accounts that the bearer may claim in the namespace; `nil` for all of them.
    public var serviceAccounts: Set<String>?
    /// Whether the bearer may also see which certificates live, take them back, and begin to replace the authority's root.
    ///
    /// Default `false`: workloads cannot.
    public var isOperator: Bool

    /// Creates a token.
    public init(secret: String, namespace: String, serviceAccounts: Set<String>? = nil, isOperator: Bool = false) {
        self.secret = secret
        self.namespace = namespace
        self.serviceAccounts = serviceAccounts
        self.isOperator = isOperator
    }

    /// What the token is for; never the secret.
    public var description: String {
        let accounts = serviceAccounts.map { $0.sorted().joined(separator: ", ") } ?? "any"
        return "token for namespace \(namespace), service accounts: \(accounts)"
    }
}
