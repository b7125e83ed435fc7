// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// What authorization rules said of a request that came in.
public struct AuthorizationDecision: Sendable {
    /// What they said, in the words of Envoy's statistics. More cases may come.
    public enum Outcome: String, Hashable, CaseIterable, Sendable {
        /// The request may pass.
        case allowed
        /// The request was refused.
        case denied
        /// Rules that are only tried would have let it pass.
        case shadowAllowed = "shadow_allowed"
        /// Rules that are only tried would have refused it.
        case shadowDenied = "shadow_denied"
        /// Rules want it in the log (Istio's AUDIT).
        case logged
        /// Rules that say what is to be logged do not mean it.
        case notLogged = "not_logged"
    }

    /// The listener's name.
    public var listener: String
    /// What metrics call the rules (`rules_stat_prefix`, `shadow_rules_stat_prefix`); empty for no name.
    public var prefix: String
    /// What they said.
    public var outcome: Outcome
    /// The policy that matched; `nil` if none did.
    public var policy: String?
    /// The identity that the caller proved; `nil` for none.
    public var peerIdentity: String?
    /// The request; `nil` where it was not kept.
    public var request: RequestLine?

    /// Creates a decision.
    public init(
        listener: String,
        prefix: String = "",
        outcome: Outcome,
        policy: String? = nil,
        peerIdentity: String? = nil,
        request: RequestLine? = nil
    ) {
        self.listener = listener
        self.prefix = prefix
        self.outcome = outcome
        self.policy = policy
        self.peerIdentity = peerIdentity
        self.request = request
    }
}
