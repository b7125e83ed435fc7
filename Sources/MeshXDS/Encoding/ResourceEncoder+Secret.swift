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
                message.validationContext = .init(validation)
            }
        }
    }
}
