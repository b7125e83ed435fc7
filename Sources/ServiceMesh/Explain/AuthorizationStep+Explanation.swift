// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshSecurity

extension AuthorizationStep {
    /// More policies than these are counted and not told one by one.
    private static let mostPolicies = 32

    /// What the rules say of a request, policy by policy.
    /// - Parameter peer: Who asks; `nil` if that is not known, and then no verdict is told.
    func explain(_ request: some RequestHead, peer: AuthorizationPeer?, _ explanation: inout Explanation) {
        if let tried {
            Self.explain(tried, "shadow rules of \(name)", request, peer, &explanation)
        }
        if let enforced {
            Self.explain(enforced, "rules of \(name)", request, peer, &explanation)
        }
    }

    private static func explain(
        _ compiled: CompiledAuthorization,
        _ what: String,
        _ request: some RequestHead,
        _ peer: AuthorizationPeer?,
        _ explanation: inout Explanation
    ) {
        let rules = compiled.rules
        var text = "\(what): \(rules.action.rawValue), \(rules.policies.count) policies"
        if let peer {
            let verdict = compiled.verdict(for: request, peer: peer)
            let word = rules.action == .log ? verdict.policy == nil ? "not logged" : "logged" : verdict.word
            text += "; \(word)" + (verdict.policy.map { " by \($0)" } ?? ", no policy matches")
        } else {
            text += "; who asks is not known"
        }
        explanation.note("authorization", text)
        let trace = rules.trace(of: request, peer: peer ?? AuthorizationPeer(identity: nil))
        for policy in trace.prefix(mostPolicies) {
            var text = "\(policy.policy): what is asked for \(policy.isPermissionMet ? "is" : "is not") meant"
            if peer != nil { text += ", the caller \(policy.isPrincipalMet ? "is" : "is not")" }
            explanation.note("policy of \(what)", text)
        }
        if trace.count > mostPolicies {
            explanation.note("policy of \(what)", "and \(trace.count - mostPolicies) more")
        }
    }
}

extension AuthorizationVerdict {
    fileprivate var word: String { isAllowed ? "allowed" : "denied" }
}

extension InboundSecurityChain {
    /// What each filter says of a request, in order.
    func explain(_ request: some RequestHead, peer: AuthorizationPeer?, _ explanation: inout Explanation) {
        for step in steps {
            switch step {
            case .authorization(let step): step.explain(request, peer: peer, &explanation)
            case .jwt(let step): for line in step.summary { explanation.note("tokens", line) }
            case .externalAuthorization(let step): explanation.note("authorizer", step.summary)
            }
        }
    }
}
