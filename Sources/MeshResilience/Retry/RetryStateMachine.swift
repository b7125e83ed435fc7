// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Decides after each attempt of one request whether another follows, and when.
///
/// Gates in Envoy's order: the condition, whether a replay is harmless, the attempts that are left, the deadline. The
/// budget is the caller's to ask, because it is shared by all requests.
public struct RetryStateMachine: Sendable {
    /// What an attempt came to.
    public enum Failure: Sendable {
        /// A response, with its status and, from its headers, its gRPC status.
        case response(status: Int, grpcStatus: Int?)
        /// No response.
        case error(MeshError.Code, RequestState)
    }

    /// What follows.
    public enum Action: Hashable, Sendable {
        /// Another attempt, after a wait.
        case retry(after: Nanoseconds)
        /// What there is goes to the caller.
        case stop(Reason)
    }

    /// Why no attempt follows.
    public enum Reason: Hashable, Sendable {
        /// The policy does not name such a failure; a success is none either.
        case notRetriable
        /// The request cannot be sent again, or doing so might execute it twice.
        case replayCouldHarm
        /// All attempts were made.
        case attemptsExhausted
        /// The deadline passes before the wait is over.
        case deadlineTooClose
    }

    private let policy: RetryPolicy
    private var attempts = 0

    /// Creates the machine of one request.
    public init(_ policy: RetryPolicy) {
        self.policy = policy
    }

    /// An attempt ended.
    public mutating func attemptEnded(
        _ failure: Failure,
        isIdempotent: Bool,
        isReplayable: Bool,
        deadline: Deadline,
        at now: MeshInstant,
        using random: MeshRandom
    ) -> Action {
        attempts += 1
        guard policy.retries(failure) else { return .stop(.notRetriable) }
        guard isReplayable, policy.mayReplay(failure, isIdempotent: isIdempotent) else {
            return .stop(.replayCouldHarm)
        }
        guard attempts < policy.maximumAttempts else { return .stop(.attemptsExhausted) }
        let wait = policy.backoff.wait(beforeRetry: attempts, random: random.next())
        guard now.advanced(by: wait) < deadline.instant else { return .stop(.deadlineTooClose) }
        return .retry(after: wait)
    }
}

extension RetryPolicy {
    /// Whether the policy names such a failure.
    func retries(_ failure: RetryStateMachine.Failure) -> Bool {
        switch failure {
        case .response(let status, let grpcStatus):
            if status >= 500, conditions.contains(.serverError) { return true }
            if (502...504).contains(status), conditions.contains(.gatewayError) { return true }
            if status == 409, conditions.contains(.retriableClientError) { return true }
            if conditions.contains(.retriableStatusCodes), retriableStatusCodes.contains(status) { return true }
            guard let grpcStatus, let condition = RetryConditions(grpcStatus: grpcStatus) else { return false }
            return conditions.contains(condition)
        case .error(let code, let state):
            switch code {
            case .connectionFailed:
                return !conditions.isDisjoint(with: [
                    .connectFailure, .serverError, .gatewayError, .reset, .resetBeforeRequest,
                ])
            case .connectionClosed, .protocolViolation:
                if state == .notSent, !conditions.isDisjoint(with: [.resetBeforeRequest, .refusedStream]) {
                    return true
                }
                return !conditions.isDisjoint(with: [.serverError, .gatewayError, .reset])
            case .attemptTimeout:
                return !conditions.isDisjoint(with: [.serverError, .gatewayError, .reset])
            default:
                return false
            }
        }
    }

    /// Whether sending the request again can do no harm, or the policy takes that risk.
    func mayReplay(_ failure: RetryStateMachine.Failure, isIdempotent: Bool) -> Bool {
        if replay == .always || isIdempotent { return true }
        if case .error(_, .notSent) = failure { return true }
        return false
    }
}

extension RetryConditions {
    /// The condition that a gRPC status stands for, if one does.
    init?(grpcStatus: Int) {
        switch grpcStatus {
        case 1: self = .grpcCancelled
        case 4: self = .grpcDeadlineExceeded
        case 8: self = .grpcResourceExhausted
        case 13: self = .grpcInternal
        case 14: self = .grpcUnavailable
        default: return nil
        }
    }
}
