// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// The errors of a policy that limits calls under way, made once: a refusal allocates nothing.
struct BulkheadRefusals: Sendable {
    private let full: any Error
    private let queueFull: any Error
    private let waitTooLong: any Error
    private let deadline: any Error

    /// - Parameters:
    ///   - code: The code of all but the deadline's.
    ///   - subject: How the messages name the policy.
    ///   - reply: What a proxy would have answered.
    init(_ code: MeshError.Code, subject: String, reply: LocalReply?) {
        func error(_ code: MeshError.Code, _ reason: PolicyDecision.Reason, _ message: String) -> any Error {
            MeshError(code, origin: .local, message: message, reason: reason, localReply: reply)
        }
        self.full = error(code, .limit, "\(subject): as many calls are under way as may be")
        self.queueFull = error(code, .queueFull, "\(subject): as many calls wait for a place as may")
        self.waitTooLong = error(code, .waitTooLong, "\(subject): no place came free in time")
        self.deadline = MeshError(
            .deadlineExceeded,
            origin: .local,
            message: "\(subject): no place came free before the deadline",
            reason: .deadline
        )
    }

    subscript(_ reason: PolicyDecision.Reason) -> any Error {
        switch reason {
        case .queueFull: queueFull
        case .waitTooLong: waitTooLong
        case .deadline: deadline
        default: full
        }
    }
}
