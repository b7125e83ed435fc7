// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Who may do what on a listener (`envoy.config.rbac.v3.RBAC`).
public struct AuthorizationRules: Hashable, Sendable {
    /// What a matching policy means.
    public enum Action: String, Hashable, CaseIterable, Sendable {
        /// The request passes if a policy matches, and is refused if none does.
        case allow
        /// The request is refused if a policy matches, and passes if none does.
        case deny
        /// The request passes, and is marked for the log if a policy matches (Istio's AUDIT).
        case log
    }

    /// What a matching policy means.
    public var action: Action
    /// The policies; they are asked in order of their names, byte by byte, as Envoy does.
    public var policies: [AuthorizationPolicy]

    /// Creates rules.
    public init(action: Action, policies: [AuthorizationPolicy]) {
        self.action = action
        self.policies = policies.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    }

    /// Judges a request by one set of rules, policy by policy. `CompiledAuthorization` does the same faster.
    /// - Complexity: O(size of the rules).
    public func verdict(for request: some RequestHead, peer: AuthorizationPeer) -> AuthorizationVerdict {
        let path = request.pathWithoutQuery
        return verdict(of: policies.firstIndex { $0.matches(request, path: path, peer: peer) })
    }

    /// What it means that this policy is the first that matches; `nil` for none.
    func verdict(of match: Int?) -> AuthorizationVerdict {
        switch (action, match) {
        case (.allow, .some(let number)), (.log, .some(let number)): .allowed(policy: policies[number].name)
        case (.allow, .none): .denied(policy: nil, message: AuthorizationVerdict.standardMessage)
        case (.deny, .some(let number)):
            .denied(
                policy: policies[number].name,
                message: policies[number].denialMessage ?? AuthorizationVerdict.standardMessage
            )
        case (.deny, .none), (.log, .none): .allowed(policy: nil)
        }
    }

    /// What each policy finds of a request, in the order in which they are asked: for people.
    public func trace(of request: some RequestHead, peer: AuthorizationPeer) -> [PolicyTrace] {
        policies.map { policy in
            PolicyTrace(
                policy: policy.name,
                isPermissionMet: policy.permissions.contains { $0.matches(request, peer: peer) },
                isPrincipalMet: policy.principals.contains { $0.matches(request, peer: peer) }
            )
        }
    }

    /// What a policy finds of a request.
    public struct PolicyTrace: Hashable, Sendable {
        /// The policy's name.
        public let policy: String
        /// Whether what is done is one of its permissions.
        public let isPermissionMet: Bool
        /// Whether who does it is one of its principals.
        public let isPrincipalMet: Bool
        /// Whether the policy matches.
        public var matches: Bool { isPermissionMet && isPrincipalMet }
    }
}
