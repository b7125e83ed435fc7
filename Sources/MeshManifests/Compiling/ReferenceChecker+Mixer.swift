// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

extension ReferenceChecker {
    mutating func checkMixer() {
        let deniers = model.mixer.deniers.map(\.metadata)
        for rule in model.mixer.rules {
            for reference in rule.deniers { checkReference(reference, kind: "denier", among: deniers) }
            for reference in rule.checkNothings {
                checkReference(reference, kind: "checknothing", among: model.mixer.checkNothings)
            }
            checkCallers(of: rule)
        }
    }

    private mutating func checkReference(
        _ reference: MixerModel.Reference,
        kind: String,
        among objects: [ManifestMetadata]
    ) {
        let isKnown = objects.contains { $0.name == reference.name && $0.namespace == reference.namespace }
        guard !isKnown else { return }
        let suggestion = NearestName.suggestion(for: reference.name, among: objects.map(\.name))
        report(
            .error,
            .unknownReference,
            at: reference.position,
            "there is no \(kind) \(reference.namespace)/\(reference.name)\(suggestion)"
        )
    }

    /// Whom a rule hits that it is not meant for, and whether it hits anybody.
    private mutating func checkCallers(of rule: MixerModel.Rule) {
        let compiler = MixerCompiler(model: model, directory: directory, security: security)
        guard let condition = compiler.condition(of: rule), !rule.deniers.isEmpty else { return }
        // Many instances of a service are one party; there are as many parties as there are versions of services.
        let parties = Set(
            directory.workloads.lazy.filter { compiler.applies(rule, in: $0.namespace) }.map(MixerExpression.Party.init)
        )
        let refusals = parties.map { compiler.refusal(condition, at: $0) }
        let bystanders = Set(refusals.flatMap(\.bystanders)).sorted()
        let name = rule.metadata.qualifiedName
        if !bystanders.isEmpty {
            let shown = bystanders.prefix(5).joined(separator: ", ")
            let more = bystanders.count > 5 ? " and \(bystanders.count - 5) more" : ""
            report(
                .warning,
                .sharedIdentity,
                at: rule.metadata.position,
                "the rule \(name) also refuses \(shown)\(more): they share a service account with workloads that it is "
                    + "about"
            )
        }
        if refusals.allSatisfy(\.isEmpty) {
            report(
                .warning,
                .noWorkload,
                at: rule.metadata.position,
                "the rule \(name) refuses nobody: no registered workloads meet its condition"
            )
        }
    }
}
