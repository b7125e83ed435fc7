// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

extension MeshError {
    /// The error that the caller sees when no attempt follows.
    ///
    /// What was worth a retry and gets none, because attempts or budget are used up, comes as the cause of
    /// `retriesExhausted`. No condition names that code, so that no retry further out multiplies the attempts: what
    /// Finagle's `NonRetryable` flag is for.
    @usableFromInline
    func afterAttempts(_ attempts: Int, _ action: RetryStateMachine.Action) -> MeshError {
        var error = self
        error.attempt = attempts
        let message: String
        var reason: PolicyDecision.Reason?
        switch action {
        case .stop(.attemptsExhausted) where attempts > 1:
            message = "all \(attempts) attempts failed"
        case .stop(.budgetExhausted):
            message = "attempt \(attempts) failed, and the retry budget is spent"
            reason = .budget
        case .stop(.shareExhausted):
            message = "attempt \(attempts) failed, and the request has used up its share of the retry budget"
            reason = .budget
        default: return error
        }
        var exhausted = MeshError(
            .retriesExhausted,
            origin: origin,
            requestState: requestState,
            message: message,
            cause: error,
            reason: reason,
            retryAfter: retryAfter
        )
        exhausted.attempt = attempts
        exhausted.route = route
        exhausted.cluster = cluster
        exhausted.endpoint = endpoint
        return exhausted
    }
}
