// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import SwiftProtobuf

extension ResourceEncoder {
    /// Encodes a secret, for the client that asks for it by name.
    func secret(_ secret: Secret) -> Envoy_Extensions_TransportSockets_Tls_V3_Secret {
        .with { message in
            message.name = secret.name
            switch secret.content {
            case .certificate(let certificate):
                message.tlsCertificate.certificateChain.inlineString = certificate.chain
                message.tlsCertificate.privateKey.inlineString = certificate.privateKey.revealed
            case .validation(let validation):
                message.validationContext.trustedCa.inlineString = validation.trustedRoots
                message.validationContext.set(validation.acceptedNames)
            }
        }
    }
}

extension Envoy_Extensions_TransportSockets_Tls_V3_CertificateValidationContext {
    /// What looks like a URI is one; the rest may be any name, in the older field that says no kind.
    fileprivate mutating func set(_ names: [String]) {
        for name in names {
            if name.utf8.contains(UInt8(ascii: ":")) {
                matchTypedSubjectAltNames.append(
                    .with {
                        $0.sanType = .uri
                        $0.matcher.exact = name
                    }
                )
            } else {
                matchSubjectAltNames.append(.with { $0.exact = name })
            }
        }
    }
}
