// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore
import ServiceMesh

extension InboundExchangeStateMachine {
    /// Why nothing more can be written.
    var failure: any Error {
        cut?.error ?? MeshError.alreadyAnswered
    }
}

extension InboundExchangeStateMachine.Cut {
    /// What a handler sees of it, and the record says.
    var error: MeshError {
        switch self {
        case .deadlinePassed: InboundStack.deadlineExceeded
        case .callerLeft: MeshError(.cancelled, origin: .downstream, message: "the caller has left")
        case .stalled:
            MeshError(
                .cancelled,
                origin: .downstream,
                message: "the caller neither sent its body nor took the response",
                localReply: LocalReply(status: 408, body: "the request came too slowly")
            )
        }
    }
}

extension MeshError {
    static var alreadyAnswered: MeshError {
        MeshError(.cancelled, origin: .local, message: "the request is answered already")
    }

    static var wrongLength: MeshError {
        MeshError(.invalidRequest, origin: .local, message: "the response's body is not as long as announced")
    }
}

extension HTTPFields {
    /// The end of an answer to gRPC's callers that the mesh has cut short.
    init(grpcStatusOf error: MeshError) {
        self.init()
        // Both are names by RFC 9110 §5.1.
        if let status = HTTPField.Name("grpc-status") { self[status] = "\(error.rpcStatus)" }
        if let message = HTTPField.Name("grpc-message") { self[message] = LocalReply.percentEncoded(error.message) }
    }
}
