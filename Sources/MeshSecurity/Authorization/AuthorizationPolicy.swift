// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// A policy: it matches when one of its principals and one of its permissions do (`envoy.config.rbac.v3.Policy`).
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

    func matches(_ request: some RequestHead, path: Substring, peer: AuthorizationPeer) -> Bool {
        permissions.contains { $0.matches(request, path: path, peer: peer) }
            && principals.contains { $0.matches(request, path: path, peer: peer) }
    }
}
