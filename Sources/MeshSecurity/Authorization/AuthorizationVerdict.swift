// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// The answer of authorization rules, with its reason.
public enum AuthorizationVerdict: Hashable, Sendable {
    /// The request may pass; the policy that allowed it, if one did, or that wants it logged.
    case allowed(policy: String?)
    /// The request is refused; the policy that refused it, if one did, and what the caller is told.
    case denied(policy: String?, message: String)

    /// What Envoy tells a refused caller.
    public static let standardMessage = "RBAC: access denied"

    /// Whether the request may pass.
    public var isAllowed: Bool {
        switch self {
        case .allowed: true
        case .denied: false
        }
    }

    /// The policy that matched; `nil` if none did.
    public var policy: String? {
        switch self {
        case .allowed(let policy), .denied(let policy, _): policy
        }
    }
}
