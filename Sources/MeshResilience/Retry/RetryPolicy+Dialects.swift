// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

extension RetryPolicy {
    /// gRPC's retry policy (gRFC A6): attempts clamped to five, its back-off, its pushback, and nothing of HTTP's.
    ///
    /// gRPC has no defaults for what is to be given here. It retries whatever the conditions name: who sets them vouches
    /// for the method.
    public static func grpc(
        maximumAttempts: Int,
        initialBackoff: Nanoseconds,
        maximumBackoff: Nanoseconds,
        backoffMultiplier: Double,
        conditions: RetryConditions
    ) -> RetryPolicy {
        RetryPolicy(
            maximumAttempts: maximumAttempts,
            conditions: conditions,
            backoff: .grpc(initial: initialBackoff, maximum: maximumBackoff, multiplier: backoffMultiplier),
            replay: .always,
            rateLimitedBackoff: nil,
            attemptCeiling: grpcAttemptCeiling
        )
    }

    /// Finagle's requeues: what provably never left goes out again at once, for up to a share of the budget's balance.
    ///
    /// - Parameter share: The share of the balance that one request may use up; Finagle's default is 0.2.
    public static func requeue(share: Double = 0.2) -> RetryPolicy {
        RetryPolicy(
            maximumAttempts: 1000,
            conditions: [.connectFailure, .refusedStream, .resetBeforeRequest],
            backoff: .none,
            rateLimitedBackoff: nil,
            budgetShare: share
        )
    }
}
