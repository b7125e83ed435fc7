// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting

extension FieldReader {
    /// An `HTTPRoute` of a VirtualService.
    /// - Parameter isDelegated: Whether the rule is one that others delegate to.
    mutating func trafficRule(defaultName: String, namespace: String, isDelegated: Bool) -> TrafficRule? {
        let name = text("name")?.value
        let conditions = requestConditions()
        let action = ruleAction(of: conditions ?? [], namespace: namespace, isDelegated: isDelegated)
        let timeout = duration("timeout", allowsZero: true)
        let retry = mapping("retries") { $0.retrySetting() }
        let fault = mapping("fault") { $0.fault() }
        let rewrite = mapping("rewrite") { $0.requestRewrite() }
        let headers = mapping("headers") { $0.headerOperations() }
        let cors = mapping("corsPolicy") { $0.corsPolicy() }
        let mirroring = mirroring(namespace: namespace, inherits: isDelegated || value("delegate") != nil)
        if let rewrite, let headers, !rewrite.authority.isEmpty, !headers.authority.isEmpty {
            context.error(
                .conflictingFields,
                at: keyPosition("headers"),
                "the authority is set by rewrite already, and by headers once more"
            )
        }
        // A rule whose conditions cannot be read would match everything without them.
        guard let conditions, let action else { return nil }
        return TrafficRule(
            givenName: name.flatMap { $0.isEmpty ? nil : $0 },
            defaultName: defaultName,
            position: position,
            conditions: conditions,
            action: action,
            timeout: timeout?.value,
            retry: retry,
            fault: fault,
            rewrite: rewrite,
            headers: headers,
            cors: cors,
            mirroring: mirroring
        )
    }

    /// The conditions of a rule, those left out that cannot be read; `nil` if none is left of those that there are.
    private mutating func requestConditions() -> [RequestCondition]? {
        guard value("match") != nil else { return [] }
        guard let count = elements("match")?.count else { return nil }
        let conditions = mappings("match") { $0.requestCondition() }
        return conditions.isEmpty && count > 0 ? nil : conditions
    }

    private mutating func ruleAction(
        of conditions: [RequestCondition],
        namespace: String,
        isDelegated: Bool
    ) -> TrafficRule.Action? {
        let shares = trafficShares("route", namespace: namespace)
        let redirect = mapping("redirect") { $0.redirectSetting(of: conditions) }
        let reply = mapping("directResponse") { $0.directResponse() }
        let delegate = mapping("delegate") { $0.delegateReference(namespace: namespace) }
        let actions = ["route", "redirect", "directResponse"].filter { value($0) != nil }
        if actions.count > 1 {
            context.error(
                .conflictingFields,
                at: keyPosition(actions[1]),
                "a rule has \(actions.joined(separator: " and ")); only one of them may be there"
            )
        }
        if value("delegate") != nil {
            checkDelegation(isDelegated: isDelegated)
            return isDelegated ? nil : delegate.map { .delegate($0, reply: reply) }
        }
        switch actions.first {
        case "redirect":
            reportMeaningless(beside: "redirect")
            return redirect.map { .redirect($0) }
        case "directResponse":
            reportMeaningless(beside: "directResponse")
            return reply.map { .reply($0) }
        case "route": return shares.map { .forward($0) }
        default:
            reportMissing("route")
            return nil
        }
    }

    private mutating func checkDelegation(isDelegated: Bool) {
        if isDelegated {
            context.error(
                .refusedField,
                at: keyPosition("delegate"),
                "rules without hosts of their own cannot delegate further, as in Istio"
            )
        }
        for field in ["route", "redirect"] where value(field) != nil {
            context.error(
                .conflictingFields,
                at: keyPosition(field),
                "a rule that delegates has no \(field) of its own"
            )
        }
    }

    /// What a rule cannot have whose requests are answered here, and what does nothing there.
    private mutating func reportMeaningless(beside action: String) {
        for field in ["fault", "rewrite"] where value(field) != nil {
            context.error(.conflictingFields, at: keyPosition(field), "a rule has either \(action) or \(field)")
        }
        for field in ["timeout", "retries", "mirror", "mirrors"] where value(field) != nil {
            context.warning(
                .noEffect,
                at: keyPosition(field),
                "requests that \(action) answers are not sent on, so \(field) does nothing"
            )
        }
    }

    private mutating func delegateReference(namespace: String) -> DelegateReference? {
        let name = requiredText("name")
        let other = text("namespace").flatMap { $0.value.isEmpty ? nil : $0.value }
        return name.map { DelegateReference(namespace: other ?? namespace, name: $0) }
    }
}
