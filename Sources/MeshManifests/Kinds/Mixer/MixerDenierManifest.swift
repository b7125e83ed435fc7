// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Mixer's denier: a refusal, and what the caller is told.
struct MixerDenierManifest: ManifestKind {
    static let kind = "denier"
    static let apiVersions = ["config.istio.io/v1alpha2"]
    static let successor: String? = "AuthorizationPolicy with the action DENY, of security.istio.io/v1"

    private let denier: MixerModel.Denier

    init?(_ fields: inout FieldReader, metadata: ManifestMetadata) {
        let denier = fields.requiredMapping("spec") { fields -> MixerModel.Denier? in
            let message = fields.mapping("status") { Self.status(&$0) } ?? nil
            fields.ignore("validDuration", "validUseCount", because: "every request is judged anew")
            return MixerModel.Denier(metadata: metadata, message: message)
        }
        guard let denier else { return nil }
        self.denier = denier
    }

    func contribute(to model: inout ManifestModel) {
        model.mixer.deniers.append(denier)
    }

    /// The message of a `google.rpc.Status`.
    private static func status(_ fields: inout FieldReader) -> String?? {
        let message = fields.text("message")?.value
        let code = fields.integer("code", in: 0...16)
        fields.ignore("details")
        if let code, code.value != 7 {
            // 7 is PERMISSION_DENIED, which is 403; a refusal of the mesh is always that.
            let meaning = code.value == 0 ? "0 is success, and a denier refuses" : "refusals have the code 7"
            fields.context.error(
                .refusedField,
                at: code.position,
                "the code \(code.value) is not supported: \(meaning)"
            )
        }
        return .some(message)
    }
}

/// Mixer's checknothing: the empty question that a denier answers.
struct MixerCheckNothingManifest: ManifestKind {
    static let kind = "checknothing"
    static let apiVersions = ["config.istio.io/v1alpha2"]
    static let successor: String? = "AuthorizationPolicy with the action DENY, of security.istio.io/v1"

    private let metadata: ManifestMetadata

    init?(_ fields: inout FieldReader, metadata: ManifestMetadata) {
        _ = fields.mapping("spec") { _ -> Bool? in true }
        self.metadata = metadata
    }

    func contribute(to model: inout ManifestModel) {
        model.mixer.checkNothings.append(metadata)
    }
}
