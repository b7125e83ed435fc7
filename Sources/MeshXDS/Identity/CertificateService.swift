// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import MeshCore

/// Istio's certificate service (`istio.v1.auth.IstioCertificateService`) over a signer.
struct CertificateService: Istio_V1_Auth_IstioCertificateService.ServiceProtocol {
    private let signer: any CertificateSigner

    /// Who has shown a certificate on the connection from an address.
    private let peer: @Sendable (String) -> SigningCaller.Peer?

    init(signer: any CertificateSigner, peer: @escaping @Sendable (String) -> SigningCaller.Peer? = { _ in nil }) {
        self.signer = signer
        self.peer = peer
    }

    func createCertificate(
        request: ServerRequest<Istio_V1_Auth_IstioCertificateRequest>,
        context: ServerContext
    ) async throws -> ServerResponse<Istio_V1_Auth_IstioCertificateResponse> {
        let message = request.message
        var response = Istio_V1_Auth_IstioCertificateResponse()
        do {
            response.certChain = try await signer.sign(
                csrPEM: message.csr,
                for: SigningCaller(bearerToken: request.metadata.bearerToken ?? "", peer: peer(context.remotePeer)),
                validity: .seconds(UInt64(clamping: min(max(message.validityDuration, 0), 365 * 86_400)))
            )
        } catch let refusal as CertificateRefusal {
            throw RPCError(code: refusal.reason.code, message: refusal.message)
        }
        return ServerResponse(message: response)
    }
}

extension CertificateRefusal.Reason {
    fileprivate var code: RPCError.Code {
        switch self {
        case .unauthenticated: .unauthenticated
        case .forbidden: .permissionDenied
        case .badRequest: .invalidArgument
        case .tooMany: .resourceExhausted
        case .unavailable: .unavailable
        }
    }
}
