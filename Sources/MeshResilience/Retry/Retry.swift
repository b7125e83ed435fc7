// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// A retry policy with the budget that it draws on; usable alone around any async closure.
///
/// ```swift
/// let retry = Retry(RetryPolicy(maximumAttempts: 3, conditions: .serverError))
/// let page = try await retry.run { attempt in try await fetch(page: 7) }
/// ```
public struct Retry: Sendable {
    /// When a failed attempt is followed by another.
    public let policy: RetryPolicy
    /// What limits retries over all requests; `nil` for no limit.
    public let budget: RetryBudget?

    /// Creates a retry.
    public init(_ policy: RetryPolicy = RetryPolicy(), budget: RetryBudget? = RetryBudget()) {
        self.policy = policy
        self.budget = budget
    }

    /// Runs an operation, and again if it fails and may be retried.
    ///
    /// An error that is no `MeshError` counts as a failure after which the peer may have acted. Whether running the
    /// operation twice is harmless only its owner knows: say so with `isIdempotent`.
    /// - Parameters:
    ///   - isIdempotent: Whether running it twice does no more than running it once. Default `true`.
    ///   - deadline: When nobody waits any more.
    ///   - operation: What to run; it gets the attempt's number, from 1.
    /// - Throws: What the last attempt threw; `CancellationError` when cancelled during a wait.
    public func run<Value>(
        isIdempotent: Bool = true,
        deadline: Deadline = .never,
        clock: any MeshClock = SystemClock(),
        random: MeshRandom = MeshRandom(),
        _ operation: (_ attempt: Int) async throws -> Value
    ) async throws -> Value {
        var machine = RetryStateMachine(policy)
        budget?.deposit(at: clock.now)
        var attempt = 1
        while true {
            do {
                return try await operation(attempt)
            } catch  where !(error is CancellationError) {
                let failure = (error as? MeshError).map { RetryStateMachine.Failure.error($0.code, $0.requestState) }
                let now = clock.now
                let action = machine.attemptEnded(
                    failure ?? .error(.connectionClosed, .maybeSent),
                    isIdempotent: isIdempotent,
                    isReplayable: true,
                    deadline: deadline,
                    at: now,
                    using: random
                )
                guard case .retry(let wait) = action, budget?.withdraw(at: now) ?? true else { throw error }
                try await clock.sleep(until: now.advanced(by: wait))
                attempt += 1
            }
        }
    }
}
