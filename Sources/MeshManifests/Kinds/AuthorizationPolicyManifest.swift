// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshSecurity

/// Istio's AuthorizationPolicy: who may do what to some workloads.
struct AuthorizationPolicyManifest: ManifestKind {
    static let kind = "AuthorizationPolicy"
    static let apiVersions = ["security.istio.io/v1", "security.istio.io/v1beta1"]

    private let authorization: Authorization

    init?(_ fields: inout FieldReader, metadata: ManifestMetadata) {
        let authorization = fields.requiredMapping("spec") { Self.authorization(&$0, metadata) }
        guard let authorization else { return nil }
        self.authorization = authorization
    }

    func contribute(to model: inout ManifestModel) {
        model.authorizations.append(authorization)
    }

    private enum Action {
        case rules(AuthorizationRules.Action)
        case custom
    }

    private static let dryRun = "istio.io/dry-run"

    /// Reads the policy. One with a mistake lets nobody through, should it ever be put in force: a condition that could
    /// not be read must not count as met.
    private static func authorization(_ fields: inout FieldReader, _ metadata: ManifestMetadata) -> Authorization? {
        let problems = fields.context.diagnostics.count
        let read = readAuthorization(&fields, metadata)
        guard fields.context.diagnostics[problems...].hasErrors else { return read }
        return Authorization(
            metadata: metadata,
            action: .rules(.allow),
            workloadLabels: read?.workloadLabels,
            targetServices: read?.targetServices ?? [],
            rules: []
        )
    }

    private static func readAuthorization(
        _ fields: inout FieldReader,
        _ metadata: ManifestMetadata
    ) -> Authorization? {
        let selector = fields.mapping("selector") { $0.labels("matchLabels") }
        let words: [String: Action] = [
            "ALLOW": .rules(.allow), "DENY": .rules(.deny), "AUDIT": .rules(.log), "CUSTOM": .custom,
        ]
        let action = fields.choice("action", words)
        let rules = fields.mappings("rules") { rule(&$0, metadata) }
        let services = targetServices(&fields, metadata)
        let provider = fields.mapping("provider") { $0.requiredText("name") }
        let isDryRun = isDryRun(metadata, fields.context)
        guard !fields.has("action") || action != nil else { return nil }
        let isEmpty = rules.isEmpty && fields.list("rules").isEmpty
        let meaning: Authorization.Action
        switch action?.value ?? .rules(.allow) {
        case .rules(let rules):
            meaning = .rules(rules)
            if fields.has("provider") {
                let message = "a provider is asked by policies with the action CUSTOM only"
                fields.context.error(.conflictingFields, at: fields.keyPosition("provider"), message)
            }
            if rules != .allow, isEmpty {
                let word = rules == .deny ? "a DENY policy without rules denies" : "an AUDIT policy without rules logs"
                fields.context.warning(.noEffect, at: fields.keyPosition("action"), "\(word) nothing")
            }
        case .custom:
            guard let provider, !provider.value.isEmpty else {
                if provider != nil || !fields.has("provider") { fields.reportMissing("provider") }
                return nil
            }
            meaning = .custom(provider: provider.value)
            if isEmpty {
                let message = "a CUSTOM policy without rules asks nobody"
                fields.context.warning(.noEffect, at: fields.keyPosition("action"), message)
            }
        }
        return Authorization(
            metadata: metadata,
            action: meaning,
            workloadLabels: selector,
            targetServices: services,
            isDryRun: isDryRun,
            rules: rules
        )
    }

    /// Whether the policy is only tried; words as Go reads truth values.
    private static func isDryRun(_ metadata: ManifestMetadata, _ context: ReadingContext) -> Bool {
        guard let text = metadata.annotations[dryRun] else { return false }
        switch text.value {
        case "1", "t", "T", "TRUE", "true", "True": return true
        case "0", "f", "F", "FALSE", "false", "False": return false
        default:
            context.error(.invalidValue, at: text.position, "\(dryRun) is true or false, not \(text.value)")
            return false
        }
    }

    /// The services that the policy names: here it holds at their workloads, since there is no waypoint before them.
    private static func targetServices(_ fields: inout FieldReader, _ metadata: ManifestMetadata) -> [String] {
        let namesTarget = fields.has("targetRef") || fields.has("targetRefs")
        fields.reportEmptyList("targetRefs")
        var references = fields.mappings("targetRefs") { service(&$0, metadata) }
        if let reference = fields.mapping("targetRef", { service(&$0, metadata) }) { references.append(reference) }
        guard namesTarget else { return [] }
        let key = fields.has("targetRefs") ? "targetRefs" : "targetRef"
        if fields.has("selector") {
            let message = "a policy has a selector or \(key), not both"
            fields.context.error(.conflictingFields, at: fields.keyPosition(key), message)
        }
        if !references.isEmpty {
            let message = "there are no waypoints: the policy holds at the workloads of the services"
            fields.context.warning(.unsupportedField, at: fields.keyPosition(key), message)
        }
        return references
    }

    private static func service(_ fields: inout FieldReader, _ metadata: ManifestMetadata) -> String? {
        let (group, kind, name) = (fields.text("group"), fields.requiredText("kind"), fields.requiredText("name"))
        let namespace = fields.text("namespace")
        guard let kind, let name else { return nil }
        guard kind.value == "Service", ["", "core"].contains(group?.value ?? "") else {
            let message = "only a Service can be meant: there are no gateways and no waypoints"
            fields.context.error(.refusedField, at: kind.position, message)
            return nil
        }
        guard (namespace?.value ?? metadata.namespace) == metadata.namespace else {
            let message = "the service must be in the policy's own namespace"
            fields.context.error(.invalidValue, at: namespace?.position ?? name.position, message)
            return nil
        }
        return "\(name.value).\(metadata.namespace).svc.cluster.local"
    }

    private static func rule(_ fields: inout FieldReader, _ metadata: ManifestMetadata) -> Authorization.Rule? {
        // A list that is left out means all; one that lost its elements hardly does, and Istio refuses it too.
        fields.reportEmptyList("from")
        fields.reportEmptyList("to")
        fields.reportEmptyList("when")
        let sources = fields.mappings("from") { fields -> Authorization.Source? in
            fields.requiredMapping("source") { $0.authorizationSource(namespace: metadata.namespace) }
        }
        let permissions = fields.mappings("to") { fields -> Permission? in
            fields.requiredMapping("operation") { $0.authorizationOperation() }
        }
        var conditions = Authorization.Conditions()
        for condition in fields.mappings("when", { $0.authorizationCondition() }) {
            conditions.sources += condition.sources
            conditions.principals += condition.principals
            conditions.permissions += condition.permissions
        }
        return Authorization.Rule(sources: sources, permissions: permissions, conditions: conditions)
    }
}
