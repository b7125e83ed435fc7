// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Mixer's rule: when which refusals apply.
struct MixerRuleManifest: ManifestKind {
    static let kind = "rule"
    static let apiVersions = ["config.istio.io/v1alpha2"]
    static let successor: String? = "AuthorizationPolicy with the action DENY, of security.istio.io/v1"

    private let rule: MixerModel.Rule

    init?(_ fields: inout FieldReader, metadata: ManifestMetadata) {
        let rule = fields.requiredMapping("spec") { Self.rule(&$0, metadata) }
        guard let rule else { return nil }
        self.rule = rule
    }

    func contribute(to model: inout ManifestModel) {
        model.mixer.rules.append(rule)
    }

    private static func rule(_ fields: inout FieldReader, _ metadata: ManifestMetadata) -> MixerModel.Rule? {
        var rule = MixerModel.Rule(metadata: metadata, condition: nil, deniers: [], checkNothings: [])
        if let text = fields.text("match"), !text.value.isEmpty {
            do {
                rule.condition = .expression(try MixerExpressionParser.parse(text.value))
            } catch {
                rule.condition = .unreadable
                fields.context.error(
                    .invalidExpression,
                    at: fields.context.position(of: error.offset, in: text),
                    "the condition cannot be read: \(error.message)"
                )
            }
        } else if fields.has("match"), fields.value("match") != nil, fields.text("match") == nil {
            rule.condition = .unreadable
        }
        for actions in fields.mappings("actions", { action(&$0, metadata) }) {
            rule.deniers += actions.deniers
            rule.checkNothings += actions.checkNothings
        }
        fields.refuse("requestHeaderOperations", "responseHeaderOperations", because: "no headers would be changed")
        if fields.list("actions").isEmpty {
            fields.context.warning(.noEffect, at: fields.position, "a rule without actions does nothing")
        }
        return rule
    }

    private struct Action {
        var deniers: [MixerModel.Reference] = []
        var checkNothings: [MixerModel.Reference] = []
    }

    private static func action(_ fields: inout FieldReader, _ metadata: ManifestMetadata) -> Action? {
        let handler = fields.requiredText("handler")
        let instances = fields.texts("instances")
        guard let handler else { return nil }
        guard let (reference, kind) = reference(handler, metadata) else {
            reportForm(of: handler, fields.context)
            return nil
        }
        guard kind == "denier" else {
            if telemetry.contains(kind) {
                fields.context.warning(
                    .unsupportedField,
                    at: handler.position,
                    "a handler of the kind \(kind) is not supported: the mesh brings its own telemetry"
                )
            } else {
                fields.context.error(
                    .refusedField,
                    at: handler.position,
                    "a handler of the kind \(kind) is not supported: requests would pass that must not"
                )
            }
            return nil
        }
        var action = Action(deniers: [reference])
        for instance in instances {
            guard let (reference, kind) = self.reference(instance, metadata) else {
                reportForm(of: instance, fields.context)
                continue
            }
            // A denier asks nothing of its instances; other kinds are somebody else's.
            if kind == "checknothing" { action.checkNothings.append(reference) }
        }
        return action
    }

    private static let telemetry: Set = [
        "prometheus", "stdio", "statsd", "fluentd", "stackdriver", "zipkin", "circonus",
    ]

    private static func reportForm(of text: Located<String>, _ context: ReadingContext) {
        context.error(
            .invalidValue,
            at: text.position,
            "\(text.value) names nothing; write NAME.KIND or NAME.KIND.NAMESPACE"
        )
    }

    /// `NAME.KIND`, or `NAME.KIND.NAMESPACE`.
    private static func reference(
        _ text: Located<String>,
        _ metadata: ManifestMetadata
    ) -> (MixerModel.Reference, kind: String)? {
        let parts = text.value.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard (2...3).contains(parts.count), parts.allSatisfy({ !$0.isEmpty }) else { return nil }
        let reference = MixerModel.Reference(
            name: parts[0],
            namespace: parts.count == 3 ? parts[2] : metadata.namespace,
            position: text.position
        )
        return (reference, parts[1])
    }
}
