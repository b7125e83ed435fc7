// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

extension RetryPolicy {
    /// Whether a condition names the gRPC status that an error stands for (gRFC A44), where the error tells of a peer or of
    /// the way to one: what this process refuses by a rule of its own (a limit, a drop, a deadline) is not tried again, as
    /// gRPC has it.
    func names(rpcFailure error: MeshError) -> Bool {
        switch error.code {
        case .connectionFailed, .connectionClosed, .protocolViolation, .attemptTimeout, .noHealthyUpstream: break
        default: return false
        }
        guard let condition = RetryConditions(grpcStatus: error.rpcStatus) else { return false }
        return conditions.contains(condition)
    }
}
