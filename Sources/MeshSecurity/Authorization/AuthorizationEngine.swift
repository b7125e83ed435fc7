// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Judges requests by all the authorization filters of a listener, in order.
public struct AuthorizationEngine: Hashable, Sendable {
    /// The filters, in the order in which they are asked.
    public let rules: [AuthorizationRules]

    /// Creates an engine; without rules everything passes.
    public init(_ rules: [AuthorizationRules]) {
        self.rules = rules
    }

    /// The verdict: the first refusal, or the last permission.
    /// - Complexity: O(size of the rules).
    public func verdict(for request: some RequestHead, peer: AuthorizationPeer) -> AuthorizationVerdict {
        var verdict = AuthorizationVerdict.allowed(policy: nil)
        for rule in rules {
            verdict = rule.verdict(for: request, peer: peer)
            if case .denied = verdict { return verdict }
        }
        return verdict
    }
}
