// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import SwiftProtobuf

/// What a context of mutual TLS asks for.
struct MutualTLSMeaning: Equatable {
    /// The identities that the peer must prove one of; empty if every identity of the trusted domains will do.
    var identities: [String]
    /// Names by other comparisons that the peer may prove instead.
    var names: [PeerNameMatcher] = []
    /// The secrets that are used; `nil` for the process's own identity.
    var secrets: SecretReference?
}

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
        "tls_params",
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

    /// Decodes which certificates and roots are meant, and whom the peer must prove to be.
    ///
    /// Secrets that come over this very stream are used as they are. Any other name of a provider or secret is the
    /// process's own identity, whatever it is called. A context that brings roots of its own is an error, since it would
    /// be ignored.
    /// - Parameter mayTakeAnybody: Whether roots may be missing, since nobody is asked for a certificate.
    /// - Returns: `nil`, with a problem, if the context demands what is not supported.
    func meaning(
        at path: FieldPath,
        mayTakeAnybody: Bool = false,
        _ context: inout DecodingContext
    ) -> MutualTLSMeaning? {
        context.ignoreOthers(in: self, at: path, read: Self.read)
        guard let secrets = secretReference(at: path, mayTakeAnybody: mayTakeAnybody, &context) else { return nil }
        let validation: Envoy_Extensions_TransportSockets_Tls_V3_CertificateValidationContext
        var validationPath = path["validation_context"]
        switch validationContextType {
        case .validationContext(let message): validation = message
        case .combinedValidationContext(let combined):
            let path = path["combined_validation_context"]
            context.ignoreOthers(in: combined, at: path, read: Self.readCombined)
            validation = combined.defaultValidationContext
            validationPath = path["default_validation_context"]
        case .validationContextSdsSecretConfig, .validationContextCertificateProviderInstance, nil:
            return MutualTLSMeaning(identities: [], secrets: parameters(at: path, secrets.reference, &context))
        }
        let source = secrets.reference == nil ? "the mesh's identity" : "the secret"
        for name in Self.readValidation.others(in: validation) {
            context.reject(validationPath[name], "is not supported: trust comes from \(source)")
        }
        if secrets.reference != nil, validation.hasCaCertificateProviderInstance {
            let path = validationPath["ca_certificate_provider_instance"]
            context.ignore(path, "has no effect: trust comes from the secret")
        }
        guard let identities = validation.acceptedNames(at: validationPath, &context) else { return nil }
        return MutualTLSMeaning(
            identities: identities.exact,
            names: identities.matchers,
            secrets: parameters(at: path, secrets.reference, &context)
        )
    }

    /// The secrets with the TLS that is spoken with them. The process's own identity has the mesh's.
    private func parameters(
        at path: FieldPath,
        _ reference: SecretReference?,
        _ context: inout DecodingContext
    ) -> SecretReference? {
        guard hasTlsParams else { return reference }
        guard var reference else {
            context.ignore(path["tls_params"], "the process's own identity has the mesh's TLS")
            return nil
        }
        reference.parameters = TLSParameters(tlsParams, at: path["tls_params"], &context)
        return reference
    }

    /// The mesh's own identity or secrets, with the identities that the peer must prove one of.
    init(acceptedIdentities: [String], names: [PeerNameMatcher] = [], secrets: SecretReference? = nil) {
        self.init()
        let accepted = AcceptedNames(exact: acceptedIdentities, matchers: names)
        let isNamed = accepted != AcceptedNames()
        guard let secrets else {
            // The instance names that Istio's agent and its bootstrap use.
            tlsCertificateProviderInstance.instanceName = "default"
            validationContext.caCertificateProviderInstance.instanceName = "default"
            validationContext.caCertificateProviderInstance.certificateName = "ROOTCA"
            validationContext.set(accepted)
            return
        }
        if let name = secrets.certificate { tlsCertificateSdsSecretConfigs = [.init(overThisStream: name)] }
        if secrets.parameters != TLSParameters() { tlsParams = .init(secrets.parameters) }
        guard let validation = secrets.validation else { return }
        if isNamed {
            combinedValidationContext.validationContextSdsSecretConfig = .init(overThisStream: validation)
            combinedValidationContext.defaultValidationContext.set(accepted)
        } else {
            validationContextSdsSecretConfig = .init(overThisStream: validation)
        }
    }
}
