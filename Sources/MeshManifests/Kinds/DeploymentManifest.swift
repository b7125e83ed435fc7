// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Kubernetes' Deployment: read only for whether its pods stay outside the mesh.
struct DeploymentManifest: ManifestKind {
    static let kind = "Deployment"
    static let apiVersions = ["apps/v1", "apps/v1beta2", "apps/v1beta1", "extensions/v1beta1"]

    private let optOut: OptOut?

    init?(_ fields: inout FieldReader, metadata: ManifestMetadata) {
        let optOut = fields.mapping("spec") { fields -> OptOut? in
            let optOut = fields.mapping("template") { fields -> OptOut? in
                let optOut = fields.mapping("metadata") { $0.optOut(metadata) }
                fields.acceptEverythingElse()
                return optOut
            }
            fields.acceptEverythingElse()
            return optOut
        }
        self.optOut = optOut
    }

    func contribute(to model: inout ManifestModel) {
        if let optOut { model.optOuts.append(optOut) }
    }
}

/// Kubernetes' Pod: read only for whether it stays outside the mesh.
struct PodManifest: ManifestKind {
    static let kind = "Pod"
    static let apiVersions = ["v1"]

    private let optOut: OptOut?

    init?(_ fields: inout FieldReader, metadata: ManifestMetadata) {
        optOut = fields.mapping("metadata") { $0.optOut(metadata) }
        fields.acceptEverythingElse()
    }

    func contribute(to model: inout ManifestModel) {
        if let optOut { model.optOuts.append(optOut) }
    }
}

extension FieldReader {
    /// The opt-out in a pod's metadata: `sidecar.istio.io/inject: "false"`, as an annotation or, as Istio has it today,
    /// as a label.
    fileprivate mutating func optOut(_ metadata: ManifestMetadata) -> OptOut? {
        let word = "sidecar.istio.io/inject"
        var labels: [String: Located<String>] = [:]
        for label in textMap("labels") {
            labels[label.value.key] = Located(value: label.value.value, position: label.position)
        }
        let setting = annotations("annotations")[word] ?? labels[word]
        acceptEverythingElse()
        guard let setting, setting.value == "false" else { return nil }
        labels[word] = nil
        guard !labels.isEmpty else {
            context.warning(
                .noEffect,
                at: setting.position,
                "\(word) has no effect: the pods have no labels by which the mesh could know them"
            )
            return nil
        }
        let words = labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value.value)" }.joined(separator: ", ")
        context.report(
            .note,
            .optedOut,
            at: setting.position,
            "workloads of namespace \(metadata.namespace) with \(words) stay outside the mesh: no policy is enforced "
                + "for them, and they speak no mutual TLS"
        )
        return OptOut(metadata: metadata, labels: labels.mapValues(\.value), position: setting.position)
    }
}
