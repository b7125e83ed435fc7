// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// A retry policy with the budget that it draws on; usable alone around any async closure.
///
/// ```swift
/// let retry = try Retry(RetryPolicy(maximumAttempts: 3, conditions: .serverError))
/// let page = try await retry.run { attempt in try await fetch(page: 7) }
/// ```
public final class Retry: Sendable {
    /// When a failed attempt is followed by another.
    public let policy: RetryPolicy
    /// What limits retries over all requests; `nil` for no limit.
    public let budget: RetryBudget?
    /// What observers are told that it stands on: a route, a cluster, a command.
    public let name: String
    @usableFromInline let observers: ObserverSet
    @usableFromInline let clock: any MeshClock
    @usableFromInline let random: MeshRandom
    let wallClock: WallClock
    /// Whether answers that look like successes may be worth a retry, too.
    @usableFromInline let examinesSuccesses: Bool

    /// Creates a retry.
    /// - Parameters:
    ///   - policy: When a failed attempt is followed by another.
    ///   - budget: What limits retries over all requests; `nil` for no limit. Default a token budget of its own.
    ///   - name: What observers are told that it stands on.
    ///   - observers: Who hears of retries that are made and refused.
    ///   - clock: What waits are measured by.
    ///   - random: What waits are spread by.
    ///   - wallClock: What dates in a peer's answer are compared with.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public convenience init(
        _ policy: RetryPolicy = RetryPolicy(),
        budget: RetryBudget? = RetryBudget(),
        name: String = "",
        observers: ObserverSet = .none,
        clock: any MeshClock = SystemClock(),
        random: MeshRandom = MeshRandom(),
        wallClock: WallClock = .system
    ) throws(ConfigurationError) {
        try policy.validate()
        self.init(
            validated: policy,
            budget: budget,
            name: name,
            observers: observers,
            clock: clock,
            random: random,
            wallClock: wallClock
        )
    }

    /// Creates a retry from a policy that was validated at the edge.
    ///
    /// Under a `RetryLayer` the layer's clock, randomness and observers take the place of these.
    package init(
        validated policy: RetryPolicy,
        budget: RetryBudget?,
        name: String = "",
        observers: ObserverSet = .none,
        clock: any MeshClock = SystemClock(),
        random: MeshRandom = MeshRandom(),
        wallClock: WallClock = .system
    ) {
        self.policy = policy
        self.budget = budget
        self.name = name
        self.observers = observers
        self.clock = clock
        self.random = random
        self.wallClock = wallClock
        self.examinesSuccesses = policy.predicate != nil || policy.retriableStatusCodes.contains { $0 < 400 }
    }

    /// Runs an operation, and again if it fails and may be retried.
    ///
    /// An error that is no `MeshError` counts as a failure after which the peer may have acted: the conditions
    /// `serverError`, `gatewayError` and `reset` name it, and `RetryPolicy.predicate` may judge it. Whether running the
    /// operation twice is harmless only its owner knows: say so with `isIdempotent`.
    /// - Parameters:
    ///   - isIdempotent: Whether running it twice does no more than running it once. Default `true`.
    ///   - isAlreadyRetried: Whether it is run for a request that came in as a retry, so that it must not be retried
    ///     here again (Kitex's *ChainStop*). Default `false`.
    ///   - deadline: When nobody waits any more.
    ///   - operation: What to run; it gets the attempt's number, from 1.
    /// - Throws: What the last attempt threw; a `MeshError` that no retry follows because attempts or budget are used up
    ///   comes as the cause of one with code `retriesExhausted`, which no retry further out repeats. `CancellationError`
    ///   when cancelled during a wait.
    /// - Complexity: O(1) and no allocation while the first attempt succeeds.
    @inlinable
    public func run<Value>(
        isIdempotent: Bool = true,
        isAlreadyRetried: Bool = false,
        deadline: Deadline = .never,
        _ operation: (_ attempt: Int) async throws -> Value
    ) async throws -> Value {
        try await run(
            isIdempotent: isIdempotent,
            isAlreadyRetried: isAlreadyRetried,
            deadline: deadline,
            rejecting: { _ in false },
            operation
        )
    }

    /// Runs an operation that does not care which attempt it is, and again if it fails and may be retried.
    /// - Throws: As the form whose operation gets the attempt's number.
    @inlinable
    public func run<Value>(_ operation: () async throws -> Value) async throws -> Value {
        try await run(rejecting: { _ in false }, { _ in try await operation() })
    }

    /// Runs an operation, and again if it fails, or returns what is no better than a failure.
    /// - Parameters:
    ///   - isIdempotent: Whether running it twice does no more than running it once. Default `true`.
    ///   - isAlreadyRetried: Whether it is run for a request that came in as a retry. Default `false`.
    ///   - deadline: When nobody waits any more.
    ///   - isRejected: Whether a value counts as a failure that is worth another attempt.
    ///   - operation: What to run; it gets the attempt's number, from 1.
    /// - Returns: The first value that is not rejected; the last one if no attempt follows it.
    /// - Throws: As the form that rejects nothing.
    @inlinable
    public func run<Value>(
        isIdempotent: Bool = true,
        isAlreadyRetried: Bool = false,
        deadline: Deadline = .never,
        rejecting isRejected: (Value) -> Bool,
        _ operation: (_ attempt: Int) async throws -> Value
    ) async throws -> Value {
        guard policy.mode != .disabled else { return try await operation(1) }
        var call = RetryCall(self, startedAt: clock.now)
        var attempt = 1
        while true {
            let action: RetryStateMachine.Action
            do {
                let value = try await operation(attempt)
                guard isRejected(value) else {
                    call.succeeded()
                    return value
                }
                action = call.attemptEnded(
                    RetryCall.Attempt(.rejected, isIdempotent: isIdempotent, isAlreadyRetried: isAlreadyRetried),
                    deadline: deadline,
                    at: clock.now,
                    random: random.next(),
                    observers
                )
                guard case .retry = action else { return value }
            } catch  where !(error is CancellationError) {
                action = call.attemptEnded(
                    RetryCall.Attempt(error, policy, isIdempotent: isIdempotent, isAlreadyRetried: isAlreadyRetried),
                    deadline: deadline,
                    at: clock.now,
                    random: random.next(),
                    observers
                )
                guard case .retry = action else {
                    throw (error as? MeshError)?.afterAttempts(attempt, action) ?? error
                }
            }
            try await action.sleep(on: clock)
            attempt += 1
        }
    }
}
