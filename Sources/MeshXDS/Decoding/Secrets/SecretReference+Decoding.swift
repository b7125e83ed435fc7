// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import SwiftProtobuf

extension Envoy_Extensions_TransportSockets_Tls_V3_CommonTlsContext {
    /// Which secrets are meant.
    struct MeantSecrets {
        /// `nil` for the process's own identity.
        var reference: SecretReference?
    }

    /// Whether there is something that means the process's own certificate.
    private var namesOwnCertificate: Bool {
        hasTlsCertificateProviderInstance || hasTlsCertificateCertificateProviderInstance
            || tlsCertificateSdsSecretConfigs.contains { !$0.isOverThisStream }
    }

    /// Finds the secrets that come over this very stream.
    /// - Parameter mayTakeAnybody: Whether roots may be missing, since nobody is asked for a certificate.
    /// - Returns: `nil`, with a problem, if they are mixed with the process's own identity, or have no name.
    func secretReference(
        at path: FieldPath,
        mayTakeAnybody: Bool,
        _ context: inout DecodingContext
    ) -> MeantSecrets? {
        let certificates = tlsCertificateSdsSecretConfigs.enumerated().filter { $0.element.isOverThisStream }
        var roots: (name: String, path: FieldPath)?
        switch validationContextType {
        case .validationContextSdsSecretConfig(let secret) where secret.isOverThisStream:
            roots = (secret.name, path["validation_context_sds_secret_config"])
        case .combinedValidationContext(let combined)
        where combined.validationContextSdsSecretConfig.isOverThisStream:
            let path = path["combined_validation_context"]["validation_context_sds_secret_config"]
            roots = (combined.validationContextSdsSecretConfig.name, path)
        default: break
        }
        guard let roots else {
            guard let first = certificates.first else { return MeantSecrets() }
            if mayTakeAnybody, validationContextType == nil, !first.element.name.isEmpty {
                let name = first.element.name.canonicalResourceName
                return MeantSecrets(reference: SecretReference(certificate: name, validation: nil))
            }
            context.reject(
                path["tls_certificate_sds_secret_configs", first.offset],
                "needs trusted roots that come over this stream, too: no peer may be taken unseen"
            )
            return nil
        }
        guard !namesOwnCertificate else {
            context.reject(roots.path, "the process's own certificate with other roots is not supported")
            return nil
        }
        for other in certificates.dropFirst() {
            context.ignore(path["tls_certificate_sds_secret_configs", other.offset], "only the first one is shown")
        }
        if roots.name.isEmpty { context.reject(roots.path["name"], "is empty") }
        if let first = certificates.first, first.element.name.isEmpty {
            context.reject(path["tls_certificate_sds_secret_configs", first.offset]["name"], "is empty")
        }
        let reference = SecretReference(
            certificate: certificates.first?.element.name.canonicalResourceName,
            // The name by which Istio means the roots of the operating system.
            validation: roots.name == "file-root:system" ? nil : roots.name.canonicalResourceName
        )
        return MeantSecrets(reference: reference)
    }
}

extension Envoy_Extensions_TransportSockets_Tls_V3_SdsSecretConfig {
    /// Whether the secret is asked for on the stream that this came on. Istio and gRPC name the process's own identity
    /// without saying where it comes from, or by an agent on the same machine.
    fileprivate var isOverThisStream: Bool {
        switch sdsConfig.configSourceSpecifier {
        case .ads, .self_p: true
        // Istio's agent is asked for these by the files that they come from; somebody in this process brings them.
        default: SecretReference.isOfFile(name)
        }
    }

    /// A secret by its name.
    init(overThisStream name: String) {
        self.init()
        self.name = name
        sdsConfig = .aggregated
    }
}
