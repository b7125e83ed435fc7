// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshSecurity

/// Turns Mixer's rules into refusals.
///
/// Mixer knew the labels of both sides of a call. Here a workload knows its peer by the identity of its certificate, so
/// a condition on the caller becomes the identities of the registered workloads that meet it.
struct MixerCompiler {
    let model: ManifestModel
    let directory: ServiceDirectory
    let security: WorkloadSecurity

    /// Which callers a rule refuses at a destination.
    struct Refusal: Equatable {
        /// Whether it also refuses callers of whom nothing is known.
        var refusesUnknown: Bool
        /// The identities that are treated differently from the unknown.
        var identities: [String]
        /// Names of workloads that are refused only because they share an identity.
        var bystanders: [String]

        /// Whether nobody is refused.
        var isEmpty: Bool { !refusesUnknown && identities.isEmpty }
    }

    /// The refusals for a workload.
    func policies(for client: Client) -> [MeshSecurity.AuthorizationPolicy] {
        let destination = MixerExpression.Party(
            labels: client.labels,
            services: client.services,
            namespace: client.node.namespace
        )
        return model.mixer.rules.flatMap { rule -> [MeshSecurity.AuthorizationPolicy] in
            guard applies(rule, in: client.node.namespace), case .some(let condition) = condition(of: rule) else {
                return []
            }
            let refusal = refusal(condition, at: destination)
            guard !refusal.isEmpty else { return [] }
            return rule.deniers.compactMap { denier($0) }.enumerated().map { number, denier in
                MeshSecurity.AuthorizationPolicy(
                    name: "ns[\(rule.metadata.namespace)]-rule[\(rule.metadata.name)]-denier[\(number)]",
                    permissions: [.any],
                    principals: [refusal.principal],
                    denialMessage: denier.message
                )
            }
        }
    }

    /// Whether a rule is in force for a namespace: its own, or any if it is of the root namespace.
    func applies(_ rule: MixerModel.Rule, in namespace: String) -> Bool {
        rule.metadata.namespace == namespace || rule.metadata.namespace == security.rootNamespace
    }

    /// When a rule applies; `nil` if its condition could not be read, which has been reported.
    func condition(of rule: MixerModel.Rule) -> MixerExpression? {
        switch rule.condition {
        case nil: .constant(true)
        case .expression(let expression): expression
        case .unreadable: nil
        }
    }

    /// The denier that a rule names.
    func denier(_ reference: MixerModel.Reference) -> MixerModel.Denier? {
        model.mixer.deniers.first {
            $0.metadata.name == reference.name && $0.metadata.namespace == reference.namespace
        }
    }

    /// Whom a condition refuses at a destination. A workload that the condition is about is refused under its identity
    /// even if others share it: a refusal must not have holes.
    func refusal(_ condition: MixerExpression, at destination: MixerExpression.Party) -> Refusal {
        let refusesUnknown = condition.holds(source: .unknown, destination: destination)
        var meant: Set<String> = []
        var spared: [String: [String]] = [:]
        for workload in directory.workloads {
            guard let identity = security.identity(of: workload) else { continue }
            if condition.holds(source: MixerExpression.Party(workload), destination: destination) {
                meant.insert(identity)
            } else {
                spared[identity, default: []].append(workload.id)
            }
        }
        let bystanders = spared.filter { meant.contains($0.key) }.flatMap(\.value).sorted()
        let identities = refusesUnknown ? Set(spared.keys).subtracting(meant) : meant
        return Refusal(refusesUnknown: refusesUnknown, identities: identities.sorted(), bystanders: bystanders)
    }
}

extension MixerCompiler.Refusal {
    /// The callers that are refused.
    fileprivate var principal: Principal {
        let known = Principal.anyOf(identities.map { .authenticated(StringMatcher(.exact($0))) })
        guard refusesUnknown else { return known }
        return identities.isEmpty ? .any : .not(known)
    }
}

extension MixerExpression.Party {
    init(_ workload: Workload) {
        self.init(labels: workload.labels, services: [workload.serviceHost], namespace: workload.namespace)
    }
}
