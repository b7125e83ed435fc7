// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Istio's DestinationRule: how clients treat a host, and the host's subsets.
struct DestinationRuleManifest: ManifestKind {
    static let kind = "DestinationRule"
    static let apiVersions = [
        "networking.istio.io/v1", "networking.istio.io/v1beta1", "networking.istio.io/v1alpha3",
    ]

    private let policy: HostPolicy

    init?(_ fields: inout FieldReader, metadata: ManifestMetadata) {
        let policy = fields.requiredMapping("spec") { fields -> HostPolicy? in
            let host = fields.host("host", namespace: metadata.namespace)
            let policy = fields.mapping("trafficPolicy") { $0.trafficPolicy() }
            let subsets = fields.mappings("subsets") { Self.subset(&$0) }
            let visibility = fields.visibility(namespace: metadata.namespace)
            let clients = fields.mapping("workloadSelector") { $0.labels("matchLabels") }
            Self.reportDuplicates(subsets, fields.context)
            guard let host else { return nil }
            return HostPolicy(
                metadata: metadata,
                host: host,
                visibility: visibility,
                clientLabels: clients,
                policy: policy ?? TrafficPolicy(),
                subsets: subsets
            )
        }
        guard let policy else { return nil }
        self.policy = policy
    }

    func contribute(to model: inout ManifestModel) {
        model.hostPolicies.append(policy)
    }

    private static func subset(_ fields: inout FieldReader) -> HostPolicy.Subset? {
        let name = fields.requiredText("name")
        let labels = fields.labels("labels")
        let policy = fields.mapping("trafficPolicy") { $0.trafficPolicy() }
        guard let name else { return nil }
        guard KubernetesName.isLabelValue(name.value) else {
            fields.context.error(
                .invalidValue,
                at: name.position,
                "the subset's name \(name.value) must consist of letters, digits, dashes, dots and underscores"
            )
            return nil
        }
        if labels.isEmpty, !fields.has("labels") {
            fields.context.warning(
                .noEffect,
                at: name.position,
                "the subset \(name.value) has no labels, so it is the whole service"
            )
        }
        return HostPolicy.Subset(name: name, labels: labels, policy: policy ?? TrafficPolicy())
    }

    private static func reportDuplicates(_ subsets: [HostPolicy.Subset], _ context: ReadingContext) {
        var names: Set<String> = []
        for subset in subsets where !names.insert(subset.name.value).inserted {
            context.error(
                .conflictingFields,
                at: subset.name.position,
                "the subset \(subset.name.value) is defined twice"
            )
        }
    }
}
