// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import SwiftProtobuf

extension Envoy_Extensions_TransportSockets_Tls_V3_CommonTlsContext {
    private static let read = ReadFields(
        Envoy_Extensions_TransportSockets_Tls_V3_CommonTlsContext.self,
        "tls_certificate_sds_secret_configs",
        "tls_certificate_provider_instance",
        "tls_certificate_certificate_provider_instance",
        "validation_context",
        "validation_context_sds_secret_config",
        "combined_validation_context",
        "validation_context_certificate_provider_instance",
        // HTTP/1.1 and HTTP/2 are told apart without it.
        "alpn_protocols"
    )
    private static let readCombined = ReadFields(
        CombinedCertificateValidationContext.self,
        "default_validation_context",
        "validation_context_sds_secret_config",
        "validation_context_certificate_provider_instance"
    )
    private static let readValidation = ReadFields(
        Envoy_Extensions_TransportSockets_Tls_V3_CertificateValidationContext.self,
        "ca_certificate_provider_instance",
        "match_typed_subject_alt_names",
        "match_subject_alt_names"
    )

    /// The identities that the peer must prove one of; empty if every identity of the trusted domains will do.
    ///
    /// Certificates and trusted roots are the mesh's own identity, whatever the provider or secret is called. A context
    /// that brings roots of its own is an error, since it would be ignored.
    /// - Returns: `nil`, with a problem, if the context demands what is not supported.
    func acceptedIdentities(at path: FieldPath, _ context: inout DecodingContext) -> [String]? {
        context.ignoreOthers(in: self, at: path, read: Self.read)
        let validation: Envoy_Extensions_TransportSockets_Tls_V3_CertificateValidationContext
        var validationPath = path["validation_context"]
        switch validationContextType {
        case .validationContext(let message): validation = message
        case .combinedValidationContext(let combined):
            let path = path["combined_validation_context"]
            context.ignoreOthers(in: combined, at: path, read: Self.readCombined)
            validation = combined.defaultValidationContext
            validationPath = path["default_validation_context"]
        case .validationContextSdsSecretConfig, .validationContextCertificateProviderInstance, nil: return []
        }
        for name in Self.readValidation.others(in: validation) {
            context.reject(validationPath[name], "is not supported: trust comes from the mesh's identity")
        }
        var identities: [String] = []
        for (position, name) in validation.matchTypedSubjectAltNames.enumerated() {
            let path = validationPath["match_typed_subject_alt_names", position]
            guard name.sanType == .uri, case .exact(let identity) = name.matcher.matchPattern else {
                context.reject(path, "only exact URIs are supported")
                return nil
            }
            identities.append(identity)
        }
        for (position, name) in validation.matchSubjectAltNames.enumerated() {
            let path = validationPath["match_subject_alt_names", position]
            guard case .exact(let identity) = name.matchPattern else {
                context.reject(path, "only exact names are supported")
                return nil
            }
            identities.append(identity)
        }
        return identities
    }

    /// The mesh's own identity, with the identities that the peer must prove one of.
    init(acceptedIdentities: [String]) {
        self.init()
        // The instance names that Istio's agent and its bootstrap use.
        tlsCertificateProviderInstance.instanceName = "default"
        validationContext.caCertificateProviderInstance.instanceName = "default"
        validationContext.caCertificateProviderInstance.certificateName = "ROOTCA"
        validationContext.matchTypedSubjectAltNames = acceptedIdentities.map { identity in
            var name = Envoy_Extensions_TransportSockets_Tls_V3_SubjectAltNameMatcher()
            name.sanType = .uri
            name.matcher.exact = identity
            return name
        }
    }
}
