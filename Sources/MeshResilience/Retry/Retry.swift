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
    /// Whether it does anything.
    @usableFromInline let isEnabled: Bool
    /// Whether it does anything, and the budget wants to hear how requests end.
    @usableFromInline let hearsEndings: Bool
    /// Whether a request may use a share of what the budget holds when it begins.
    @usableFromInline let readsBalance: Bool

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
        self.isEnabled = policy.mode != .disabled
        self.hearsEndings = policy.mode != .disabled && budget?.hearsEndings ?? false
        self.readsBalance = budget != nil && policy.budgetShare != nil
        self.examinesSuccesses =
            policy.predicate != nil || policy.retriableStatusCodes.contains { $0 < 400 }
            || policy.conditions.contains(.retriableHeaders) && !policy.retriableHeaders.isEmpty
    }

    /// Runs an operation, and again if it fails and may be retried.
    ///
    /// An error that is no `MeshError` counts as a failure after which the peer may have acted: the conditions
    /// `serverError`, `gatewayError` and `reset` name it, and `RetryPolicy.predicate` may judge it. They name a timeout
    /// inside, too, as long as `deadline` has not passed. Whether running the operation twice is harmless only its owner
    /// knows: say so with `isIdempotent`.
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
        let balanceAtStart: Double
        let startedAt: MeshInstant
        if isEnabled {
            startedAt = clock.now
            balanceAtStart = requestBegan(at: startedAt)
        } else {
            startedAt = MeshInstant(nanoseconds: 0)
            balanceAtStart = .infinity
        }
        let first: Result<Value, any Error>
        do {
            let value = try await operation(1)
            guard isEnabled, isRejected(value) else {
                if hearsEndings {
                    requestSucceeded()
                    requestEnded()
                }
                return value
            }
            first = .success(value)
        } catch {
            guard isEnabled else { throw error }
            first = .failure(error)
        }
        return try await runAgain(
            after: first,
            RetryCall(self, startedAt: startedAt, balanceAtStart: balanceAtStart),
            RetryCall.Caller(isIdempotent: isIdempotent, isAlreadyRetried: isAlreadyRetried, deadline: deadline),
            rejecting: isRejected,
            operation
        )
    }

    /// Runs an operation again, as often as it makes sense, after an attempt that has failed.
    @inlinable
    @inline(never)
    func runAgain<Value>(
        after first: Result<Value, any Error>,
        _ call: consuming RetryCall,
        _ caller: RetryCall.Caller,
        rejecting isRejected: (Value) -> Bool,
        _ operation: (_ attempt: Int) async throws -> Value
    ) async throws -> Value {
        var outcome = first
        var attempt = 1
        while true {
            let action: RetryStateMachine.Action
            switch outcome {
            case .success(let value):
                guard isRejected(value) else {
                    call.succeeded()
                    return value
                }
                action = decide(.init(.rejected, caller), &call, caller)
                guard case .retry = action else { return value }
            case .failure(let error):
                if error is CancellationError { throw error }
                action = decide(.init(error, policy, caller), &call, caller)
                guard case .retry = action else {
                    throw (error as? MeshError)?.afterAttempts(attempt, action) ?? error
                }
            }
            try await action.sleep(on: clock)
            attempt += 1
            do {
                outcome = .success(try await operation(attempt))
            } catch {
                outcome = .failure(error)
            }
        }
    }

    @usableFromInline
    func decide(
        _ attempt: RetryCall.Attempt,
        _ call: inout RetryCall,
        _ caller: RetryCall.Caller
    ) -> RetryStateMachine.Action {
        call.attemptEnded(attempt, deadline: caller.deadline, at: clock.now, random: random.next(), observers)
    }
}

// MARK: - What a request that succeeds at once needs

extension Retry {
    /// A request begins.
    /// - Returns: What the budget holds, if the request may use a share of it.
    @inlinable
    @inline(__always)
    func requestBegan(at now: MeshInstant) -> Double {
        guard let budget else { return .infinity }
        budget.deposit(at: now)
        return readsBalance ? budget.balance(at: now) : .infinity
    }

    /// The first attempt of a request succeeded.
    @usableFromInline
    func requestSucceeded() {
        budget?.requestSucceeded()
    }

    /// A request that began is over.
    @usableFromInline
    func requestEnded() {
        budget?.requestEnded()
    }
}
