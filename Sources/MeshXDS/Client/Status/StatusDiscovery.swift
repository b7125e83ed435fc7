// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore

/// The client status discovery service over gRPC, whoever answers.
struct StatusDiscovery: Envoy_Service_Status_V3_ClientStatusDiscoveryService.ServiceProtocol {
    typealias Question = Envoy_Service_Status_V3_ClientStatusRequest
    typealias Answer = Envoy_Service_Status_V3_ClientStatusResponse

    /// Who may ask: all by default.
    var access: ClientStatusAccess?
    /// What is answered. It throws an `RPCError` where there is no answer.
    let answer: @Sendable (Question) throws -> Answer

    func fetchClientStatus(
        request: ServerRequest<Question>,
        context: ServerContext
    ) async throws -> ServerResponse<Answer> {
        try access?.check(request.metadata, peer: context.remotePeer)
        return ServerResponse(message: try answer(request.message))
    }

    func streamClientStatus(
        request: StreamingServerRequest<Question>,
        context: ServerContext
    ) async throws -> StreamingServerResponse<Answer> {
        // Refused before it is read: nobody who may not ask is listened to.
        try access?.check(request.metadata, peer: context.remotePeer)
        return StreamingServerResponse { writer in
            for try await message in request.messages { try await writer.write(try answer(message)) }
            return [:]
        }
    }
}
