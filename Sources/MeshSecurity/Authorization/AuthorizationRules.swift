// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Who may do what on a listener: one authorization filter (`envoy.config.rbac.v3.RBAC`).
public struct AuthorizationRules: Hashable, Sendable {
    /// What a matching policy means.
    public enum Action: Hashable, Sendable {
        /// The request passes if a policy matches, and is refused if none does.
        case allow
        /// The request is refused if a policy matches, and passes if none does.
        case deny
    }

    /// What a matching policy means.
    public var action: Action
    /// The policies; they are asked in order of their names, as Envoy does.
    public var policies: [AuthorizationPolicy]

    /// Creates rules.
    public init(action: Action, policies: [AuthorizationPolicy]) {
        self.action = action
        self.policies = policies.sorted { $0.name < $1.name }
    }

    /// Judges a request by one set of rules.
    public func verdict(for request: some RequestHead, peer: AuthorizationPeer) -> AuthorizationVerdict {
        let match = policies.first { $0.matches(request, peer: peer) }
        return switch (action, match) {
        case (.allow, .some(let policy)): .allowed(policy: policy.name)
        case (.allow, .none): .denied(policy: nil, message: AuthorizationVerdict.standardMessage)
        case (.deny, .some(let policy)):
            .denied(policy: policy.name, message: policy.denialMessage ?? AuthorizationVerdict.standardMessage)
        case (.deny, .none): .allowed(policy: nil)
        }
    }
}

/// A policy: it matches when one of its principals and one of its permissions do.
public struct AuthorizationPolicy: Hashable, Sendable {
    /// Its name.
    public var name: String
    /// What is done; one must match.
    public var permissions: [Permission]
    /// Who does it; one must match.
    public var principals: [Principal]
    /// What a refused caller is told in place of Envoy's `RBAC: access denied`.
    public var denialMessage: String?

    /// Creates a policy.
    public init(name: String, permissions: [Permission], principals: [Principal], denialMessage: String? = nil) {
        self.name = name
        self.permissions = permissions
        self.principals = principals
        self.denialMessage = denialMessage
    }

    func matches(_ request: some RequestHead, peer: AuthorizationPeer) -> Bool {
        permissions.contains { $0.matches(request, peer: peer) }
            && principals.contains { $0.matches(request, peer: peer) }
    }
}

/// The answer of the authorization engine, with its reason.
public enum AuthorizationVerdict: Hashable, Sendable {
    /// The request may pass; the policy that allowed it, if one did.
    case allowed(policy: String?)
    /// The request is refused; the policy that refused it, if one did, and what the caller is told.
    case denied(policy: String?, message: String)

    /// What Envoy tells a refused caller.
    public static let standardMessage = "RBAC: access denied"
}
