// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// What every manifest says about itself.
struct ManifestMetadata: Hashable, Sendable {
    var name: String
    var namespace: String
    var labels: [String: String] = [:]
    var annotations: [String: Located<String>] = [:]
    /// Where the manifest begins.
    var position: SourcePosition

    /// Its name in diagnostics.
    var qualifiedName: String { "\(namespace)/\(name)" }
}

extension FieldReader {
    /// The metadata; fields that only the API server writes mean nothing here.
    mutating func metadata(at position: SourcePosition) -> ManifestMetadata? {
        requiredMapping("metadata") { fields -> ManifestMetadata? in
            let name = fields.requiredText("name")
            let namespace = fields.text("namespace")
            let annotations = fields.annotations("annotations")
            let labels = fields.labels("labels")
            fields.accept("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink")
            fields.accept("ownerReferences", "finalizers", "generateName", "deletionTimestamp")
            fields.accept("deletionGracePeriodSeconds", "clusterName")
            guard let name else { return nil }
            guard KubernetesName.isSubdomain(name.value) else {
                fields.context.error(
                    .invalidValue,
                    at: name.position,
                    "the name \(name.value) must consist of lower-case letters, digits, dashes and dots"
                )
                return nil
            }
            if let namespace, !KubernetesName.isLabel(namespace.value) {
                fields.context.error(
                    .invalidValue,
                    at: namespace.position,
                    "the namespace \(namespace.value) must consist of lower-case letters, digits and dashes"
                )
                return nil
            }
            return ManifestMetadata(
                name: name.value,
                namespace: namespace?.value ?? "default",
                labels: labels,
                annotations: annotations,
                position: position
            )
        }
    }

    /// Annotations, each with its place.
    mutating func annotations(_ name: String) -> [String: Located<String>] {
        var annotations: [String: Located<String>] = [:]
        for annotation in textMap(name) {
            annotations[annotation.value.key] = Located(
                value: annotation.value.value,
                position: annotation.position
            )
        }
        return annotations
    }
}
