// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshXDS

extension CertificateAuthority: CertificateSigner {
    func sign(csrPEM: String, for caller: SigningCaller, validity: Nanoseconds) async throws -> [String] {
        do {
            return try issue(csrPEM: csrPEM, caller: caller, validity: validity)
        } catch let refusal as SigningRefusal {
            let reason: CertificateRefusal.Reason =
                switch refusal {
                case .unauthenticated: .unauthenticated
                case .badRequest: .badRequest
                case .forbidden: .forbidden
                case .tooMany: .tooMany
                case .unavailable: .unavailable
                }
            throw CertificateRefusal(reason, refusal.reason)
        }
    }
}
