// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshSecurity

/// Istio's AuthorizationPolicy: who may do what to some workloads.
struct AuthorizationPolicyManifest: ManifestKind {
    static let kind = "AuthorizationPolicy"
    static let apiVersions = ["security.istio.io/v1", "security.istio.io/v1beta1"]

    private let authorization: Authorization?

    init?(_ fields: inout FieldReader, metadata: ManifestMetadata) {
        let authorization = fields.requiredMapping("spec") { Self.authorization(&$0, metadata) }
        guard let authorization else { return nil }
        self.authorization = authorization.value
    }

    func contribute(to model: inout ManifestModel) {
        if let authorization { model.authorizations.append(authorization) }
    }

    /// A policy, or none if it only writes a log.
    private struct Read {
        var value: Authorization?
    }

    private enum Action {
        case enforced(AuthorizationRules.Action)
        case audit
        case custom
    }

    /// Reads the policy. One with a mistake lets nobody through, should it ever be put in force: a condition that could
    /// not be read must not count as met.
    private static func authorization(_ fields: inout FieldReader, _ metadata: ManifestMetadata) -> Read? {
        let problems = fields.context.diagnostics.count
        let read = readAuthorization(&fields, metadata)
        guard fields.context.diagnostics[problems...].hasErrors else { return read }
        let labels = read?.value?.workloadLabels
        return Read(value: Authorization(metadata: metadata, action: .allow, workloadLabels: labels, rules: []))
    }

    private static func readAuthorization(_ fields: inout FieldReader, _ metadata: ManifestMetadata) -> Read? {
        let selector = fields.mapping("selector") { $0.labels("matchLabels") }
        let action = fields.choice(
            "action",
            ["ALLOW": Action.enforced(.allow), "DENY": .enforced(.deny), "AUDIT": .audit, "CUSTOM": .custom]
        )
        let rules = fields.mappings("rules") { rule(&$0, metadata) }
        fields.refuse("targetRef", "targetRefs", because: "the policy would apply to other workloads; use selector")
        fields.refuse("provider", because: "no external authorizer would be asked")
        guard !fields.has("action") || action != nil else { return nil }
        switch action?.value ?? .enforced(.allow) {
        case .enforced(let action):
            if action == .deny, rules.isEmpty, fields.list("rules").isEmpty {
                fields.context.warning(
                    .noEffect,
                    at: fields.keyPosition("action"),
                    "a DENY policy without rules denies nothing"
                )
            }
            return Read(
                value: Authorization(metadata: metadata, action: action, workloadLabels: selector, rules: rules)
            )
        case .audit:
            fields.context.warning(
                .unsupportedField,
                at: fields.keyPosition("action"),
                "the action AUDIT is not supported yet: nothing is logged"
            )
            return Read(value: nil)
        case .custom:
            fields.context.error(
                .refusedField,
                at: fields.keyPosition("action"),
                "the action CUSTOM is not supported: no external authorizer would be asked"
            )
            return nil
        }
    }

    private static func rule(_ fields: inout FieldReader, _ metadata: ManifestMetadata) -> Authorization.Rule? {
        // A list that is left out means all; one that lost its elements hardly does, and Istio refuses it too.
        fields.reportEmptyList("from")
        fields.reportEmptyList("to")
        let sources = fields.mappings("from") { fields -> Authorization.Source? in
            fields.requiredMapping("source") { $0.authorizationSource(namespace: metadata.namespace) }
        }
        let permissions = fields.mappings("to") { fields -> Permission? in
            fields.requiredMapping("operation") { $0.authorizationOperation() }
        }
        fields.refuse("when", because: "requests would pass or fail that must not")
        return Authorization.Rule(sources: sources, permissions: permissions)
    }
}
