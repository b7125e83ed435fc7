// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshSecurity

/// An authorization filter in the form that requests use.
struct AuthorizationStep: Sendable {
    /// The filter's name on its listener.
    let name: String
    /// What decides; `nil` for nothing.
    let enforced: CompiledAuthorization?
    /// What is only tried; `nil` for nothing.
    let tried: CompiledAuthorization?
    private let prefix: String
    private let shadowPrefix: String

    /// Where the results of rules are noted that are only tried, as Envoy does: for filters behind, and formats.
    private static let namespace = "envoy.filters.http.rbac"
    /// Where it is noted whether rules want a request logged, likewise.
    private static let commonNamespace = "envoy.common"

    /// - Returns: `nil` if the filter neither enforces nor tries anything.
    init?(_ filter: AuthorizationFilter, name: String) {
        guard filter.rules != nil || filter.shadowRules != nil else { return nil }
        self.name = name
        enforced = filter.rules.map { CompiledAuthorization($0) }
        tried = filter.shadowRules.map { CompiledAuthorization($0) }
        prefix = filter.prefix
        shadowPrefix = filter.shadowPrefix
    }

    /// Lets a request pass that the rules allow.
    /// - Throws: `MeshError` with the answer, and the policy that refused as its route.
    func admit(
        _ request: some RequestHead,
        peer: AuthorizationPeer,
        context: inout CallContext,
        listener: String,
        _ observers: ObserverSet
    ) throws(MeshError) {
        if let tried { note(tried.verdict(for: request, peer: peer), peer, &context, listener, observers) }
        guard let enforced else { return }
        let verdict = enforced.verdict(for: request, peer: peer)
        if enforced.rules.action == .log {
            let hint: [String: MetadataValue] = ["access_log_hint": .boolean(verdict.policy != nil)]
            context.noteMetadata(hint, of: Self.commonNamespace)
        }
        if !observers.isEmpty {
            let isAudit = enforced.rules.action == .log
            let outcome: AuthorizationDecision.Outcome =
                isAudit
                ? verdict.policy == nil ? .notLogged : .logged
                : verdict.isAllowed ? .allowed : .denied
            tell(outcome, of: verdict, prefix, peer, context, listener, observers)
        }
        if case .denied(let policy, let message) = verdict {
            throw MeshError(refusing: request, message: message, policy: policy)
        }
    }

    private func note(
        _ verdict: AuthorizationVerdict,
        _ peer: AuthorizationPeer,
        _ context: inout CallContext,
        _ listener: String,
        _ observers: ObserverSet
    ) {
        var result: [String: MetadataValue] = [
            shadowPrefix + "shadow_engine_result": .text(verdict.isAllowed ? "allowed" : "denied")
        ]
        if let policy = verdict.policy { result[shadowPrefix + "shadow_effective_policy_id"] = .text(policy) }
        context.noteMetadata(result, of: Self.namespace)
        guard !observers.isEmpty else { return }
        let outcome: AuthorizationDecision.Outcome = verdict.isAllowed ? .shadowAllowed : .shadowDenied
        tell(outcome, of: verdict, shadowPrefix, peer, context, listener, observers)
    }

    private func tell(
        _ outcome: AuthorizationDecision.Outcome,
        of verdict: AuthorizationVerdict,
        _ prefix: String,
        _ peer: AuthorizationPeer,
        _ context: CallContext,
        _ listener: String,
        _ observers: ObserverSet
    ) {
        let decision = AuthorizationDecision(
            listener: listener,
            prefix: prefix,
            outcome: outcome,
            policy: verdict.policy,
            peerIdentity: peer.identity,
            request: context.requestLine
        )
        observers.noticed(.authorizationDecided(decision))
    }
}

extension MeshError {
    /// A caller may not do what it asked for: 403 as Envoy answers, or gRPC's PERMISSION_DENIED for those who speak that.
    init(refusing request: some RequestHead, message: String, policy: String?) {
        self.init(
            .unauthorized,
            origin: .downstream,
            message: policy.map { "\(message) (policy \($0))" } ?? message,
            localReply: LocalReply(status: 403, body: message).adapted(to: request)
        )
        route = policy
    }
}
