// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshXDS

extension CertificateAuthority: CertificateSigner {
    func sign(csrPEM: String, bearerToken: String, validity: Nanoseconds) async throws -> [String] {
        do {
            return try issue(csrPEM: csrPEM, bearerToken: bearerToken, validity: validity)
        } catch let refusal as SigningRefusal {
            throw switch refusal {
            case .unauthenticated: CertificateRefusal(.unauthenticated, "a known bearer token is needed")
            case .badRequest(let message): CertificateRefusal(.badRequest, message)
            case .forbidden(let message): CertificateRefusal(.forbidden, message)
            }
        }
    }
}
