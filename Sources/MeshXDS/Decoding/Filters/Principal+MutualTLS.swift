// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshSecurity
import SwiftProtobuf

extension Principal {
    private typealias MutualTLS = Envoy_Extensions_Rbac_Principals_MtlsAuthenticated_V3_Config

    /// Decodes a principal of an extension, of which there is one: peers whose certificate was verified.
    /// - Returns: `nil`, with a problem, if it is another one or asks for nothing.
    static func custom(
        _ config: Envoy_Config_Core_V3_TypedExtensionConfig,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) -> Principal? {
        let path = path["typed_config"]
        guard let message = context.unpack(extension: config.typedConfig, as: MutualTLS.self, at: path) else {
            return nil
        }
        guard message.hasSanMatcher else {
            guard message.anyValidatedClientCertificate else {
                let message = "asks for nothing: neither san_matcher nor any_validated_client_certificate is set"
                context.reject(path, message)
                return nil
            }
            return .certificate(nil)
        }
        let kind: CertificateNameMatcher.Kind
        let names = path["san_matcher"]
        switch message.sanMatcher.sanType {
        case .uri: kind = .uri
        case .dns: kind = .dns
        case .unspecified, .email, .ipAddress, .otherName, .UNRECOGNIZED:
            context.reject(names["san_type"], "only URI and DNS are supported")
            return nil
        }
        return StringMatcher(message.sanMatcher.matcher, at: names["matcher"], &context).map {
            .certificate(CertificateNameMatcher(kind, $0))
        }
    }
}

extension Envoy_Config_Core_V3_TypedExtensionConfig {
    /// Encodes what is asked of a peer's verified certificate.
    static func mutualTLS(_ matcher: CertificateNameMatcher?) throws -> Self {
        var message = Envoy_Extensions_Rbac_Principals_MtlsAuthenticated_V3_Config()
        if let matcher {
            message.sanMatcher.sanType = matcher.kind == .uri ? .uri : .dns
            message.sanMatcher.matcher = Envoy_Type_Matcher_V3_StringMatcher(matcher.matcher)
        } else {
            message.anyValidatedClientCertificate = true
        }
        var config = Self()
        config.name = "envoy.rbac.principals.mtls_authenticated"
        config.typedConfig = try Google_Protobuf_Any(packing: message)
        return config
    }
}
