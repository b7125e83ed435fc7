// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import SwiftProtobuf

extension Secret {
    private typealias CertificateMessage = Envoy_Extensions_TransportSockets_Tls_V3_TlsCertificate
    private typealias ValidationMessage = Envoy_Extensions_TransportSockets_Tls_V3_CertificateValidationContext

    private static let read = ReadFields(
        Envoy_Extensions_TransportSockets_Tls_V3_Secret.self,
        "name",
        "tls_certificate",
        "validation_context"
    )
    private static let readCertificate = ReadFields(
        CertificateMessage.self,
        "certificate_chain",
        "private_key",
        // Without them callers get no proof that the certificate is still good; most ask for none.
        "ocsp_staple",
        "signed_certificate_timestamp",
        // For documents in files, of which none is read.
        "watched_directory"
    )
    private static let readValidation = ReadFields(
        ValidationMessage.self,
        "trusted_ca",
        "match_typed_subject_alt_names",
        "match_subject_alt_names",
        "crl",
        "only_verify_leaf_cert_crl",
        "verify_certificate_hash",
        "verify_certificate_spki",
        "trust_chain_verification",
        "custom_validator_config",
        // It takes what is refused here.
        "allow_expired_certificate",
        "watched_directory"
    )
    private static let withoutEffect = ReadFields(
        ValidationMessage.self,
        "allow_expired_certificate",
        "watched_directory"
    )
    private static let withoutEffectInCertificate = ReadFields(
        CertificateMessage.self,
        "ocsp_staple",
        "signed_certificate_timestamp",
        "watched_directory"
    )

    /// Decodes a certificate with its key, or roots. Both are tried out: what no connection could use is refused.
    init?(_ message: Envoy_Extensions_TransportSockets_Tls_V3_Secret, _ context: inout DecodingContext) {
        guard !context.rejectOthers(in: message, at: .root, read: Self.read) else { return nil }
        let content: Content?
        switch message.type {
        case .tlsCertificate(let message):
            content = TLSCertificate(message, at: .root["tls_certificate"], &context).map(Content.certificate)
        case .validationContext(let message):
            content = PeerValidation(message, at: .root["validation_context"], &context).map(Content.validation)
        case nil:
            context.reject(.root, "is neither a tls_certificate nor a validation_context")
            return nil
        }
        guard let content else { return nil }
        self.init(name: message.name.canonicalResourceName, content: content)
        let secret = self
        _ = context.attempt(.root) { () throws(ConfigurationError) in try secret.validate() }
    }

    fileprivate static func check(
        _ message: Envoy_Extensions_TransportSockets_Tls_V3_TlsCertificate,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> Bool {
        for name in withoutEffectInCertificate.set(in: message) { context.ignore(path[name]) }
        return !context.rejectOthers(in: message, at: path, read: readCertificate)
    }

    static func check(
        _ message: Envoy_Extensions_TransportSockets_Tls_V3_CertificateValidationContext,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> Bool {
        for name in withoutEffect.set(in: message) { context.ignore(path[name]) }
        // Each of them asks more of a peer: leaving it out would take peers that are to be refused.
        return !context.rejectOthers(in: message, at: path, read: readValidation)
    }
}

extension TLSCertificate {
    fileprivate init?(
        _ message: Envoy_Extensions_TransportSockets_Tls_V3_TlsCertificate,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        guard Secret.check(message, at: path, &context) else { return nil }
        guard
            let chain = message.certificateChain.certificates(at: path["certificate_chain"], &context),
            let key = message.privateKey.inlineText(at: path["private_key"], &context)
        else { return nil }
        let certificate = TLSCertificate(chain: chain, privateKey: SecretText(key))
        if let problem = certificate.problem {
            context.reject(path[problem.field], problem.text)
            return nil
        }
        self = certificate
    }
}
