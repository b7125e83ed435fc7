// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// What the retries of one request hold: their machine, their permit, the request's place in the budget. It is made when
/// the first attempt has failed: a request that succeeds at once needs none of it.
///
/// Dropping it gives everything back, so that no way out of a retry leaks anything.
@usableFromInline
struct RetryCall: ~Copyable {
    /// What the caller of an operation says about it.
    @usableFromInline
    struct Caller {
        @usableFromInline let isIdempotent: Bool
        @usableFromInline let isAlreadyRetried: Bool
        @usableFromInline let deadline: Deadline

        @usableFromInline
        init(isIdempotent: Bool, isAlreadyRetried: Bool, deadline: Deadline) {
            self.isIdempotent = isIdempotent
            self.isAlreadyRetried = isAlreadyRetried
            self.deadline = deadline
        }
    }

    /// An attempt that ended.
    @usableFromInline
    struct Attempt {
        var failure: RetryStateMachine.Failure
        var error: (any Error)?
        var pushback = RetryPushback.none
        var isRateLimited = false
        var hasRetriableHeader = false
        /// Whether the policy names the gRPC status that a call's failure stands for.
        var isNamedByStatus = false
        var isIdempotent: Bool
        var isReplayable = true
        var isAlreadyRetried: Bool

        @usableFromInline
        init(_ failure: RetryStateMachine.Failure, isIdempotent: Bool, isAlreadyRetried: Bool) {
            self.failure = failure
            self.isIdempotent = isIdempotent
            self.isAlreadyRetried = isAlreadyRetried
        }

        @usableFromInline
        init(_ failure: RetryStateMachine.Failure, _ caller: Caller) {
            self.init(failure, isIdempotent: caller.isIdempotent, isAlreadyRetried: caller.isAlreadyRetried)
        }

        @usableFromInline
        init(_ error: any Error, _ policy: RetryPolicy, _ caller: Caller) {
            self.init(
                error,
                policy,
                isIdempotent: caller.isIdempotent,
                isAlreadyRetried: caller.isAlreadyRetried,
                isTimed: true
            )
        }

        /// - Parameter isTimed: Whether a deadline that has passed may have been the attempt's alone: an operation that is
        ///   run again brings its own `Timeout`, where a request's attempt has a `DeadlineLayer` that says which it was.
        @usableFromInline
        init(
            _ error: any Error,
            _ policy: RetryPolicy,
            isIdempotent: Bool,
            isAlreadyRetried: Bool,
            isTimed: Bool = false
        ) {
            let known = error as? MeshError
            self.failure = known.map { .error($0.code, $0.requestState) } ?? .error(.connectionClosed, .maybeSent)
            // What this process refused because a deadline had passed would be refused again.
            if isTimed, let known, known.code == .deadlineExceeded, known.origin == .upstream {
                self.failure = .error(.attemptTimeout, known.requestState)
            }
            self.error = error
            self.isIdempotent = isIdempotent
            self.isAlreadyRetried = isAlreadyRetried
            if let wait = known?.retryAfter, let limits = policy.rateLimitedBackoff, wait <= limits.maximum {
                self.pushback = .notBefore(wait)
            }
        }
    }

    private let retry: Retry
    private let startedAt: MeshInstant
    private let balanceAtStart: Double
    /// Whether the budget counts the request as under way.
    @usableFromInline var isCounted: Bool
    private var machine: RetryStateMachine?
    private var permit: RetryPermit?
    private var taken: Int?

    /// A request whose first attempt has ended goes on.
    /// - Parameters:
    ///   - balanceAtStart: What `Retry.requestBegan(at:)` returned.
    ///   - startedAt: When that was.
    @usableFromInline
    init(_ retry: Retry, startedAt: MeshInstant, balanceAtStart: Double) {
        self.retry = retry
        self.startedAt = startedAt
        self.balanceAtStart = balanceAtStart
        self.isCounted = retry.hearsEndings
    }

    // Inlinable, because it is dropped in code that is: the compiler wants to know everything that happens there.
    @inlinable
    deinit {
        if isCounted { dropped() }
    }

    @usableFromInline
    func dropped() {
        retry.budget?.requestEnded()
    }

    /// An attempt succeeded, so that none follows.
    @usableFromInline
    mutating func succeeded() {
        guard isCounted else { return }
        permit = nil
        retry.budget?.requestSucceeded(taken: taken)
    }

    /// The response goes to the caller.
    /// - Returns: Whether the request counts as under way until it is finished, which is the caller's to tell now.
    @usableFromInline
    mutating func handOver() -> Bool {
        defer { isCounted = false }
        return isCounted
    }

    /// An attempt failed: decides what follows, pays for it and tells the observers.
    @usableFromInline
    mutating func attemptEnded(
        _ attempt: Attempt,
        deadline: Deadline,
        at now: MeshInstant,
        random: UInt64,
        _ observers: ObserverSet
    ) -> RetryStateMachine.Action {
        // The attempt that ended gives its place back before another asks for one.
        permit = nil
        // Whoever gave up wants no other attempt, and the failure may be of his own making.
        guard !Task.isCancelled else { return .stop(.cancelled) }
        var machine =
            self.machine
            ?? RetryStateMachine(
                retry.policy,
                startedAt: startedAt,
                isAlreadyRetried: attempt.isAlreadyRetried,
                budgetBalance: balanceAtStart
            )
        let action = machine.attemptEnded(
            attempt.failure,
            error: attempt.error,
            pushback: attempt.pushback,
            isRateLimited: attempt.isRateLimited,
            hasRetriableHeader: attempt.hasRetriableHeader || attempt.isNamedByStatus,
            isIdempotent: attempt.isIdempotent,
            isReplayable: attempt.isReplayable,
            deadline: deadline,
            at: now,
            random: random
        )
        self.machine = machine
        if action != .stop(.notRetriable) || attempt.pushback == .stop { retry.budget?.attemptFailed() }
        switch action {
        case .retry: return pay(for: attempt, action, at: now, observers)
        case .stop(let reason):
            if let refusal = reason.refusal { tell(.refused, because: refusal, observers) }
            return action
        }
    }

    private mutating func pay(
        for attempt: Attempt,
        _ action: RetryStateMachine.Action,
        at now: MeshInstant,
        _ observers: ObserverSet
    ) -> RetryStateMachine.Action {
        guard let budget = retry.budget else { return retried(attempt, action, observers) }
        guard retry.policy.mode == .enforce else {
            // A dry run spends nothing: what it took would be missing for those that are enforced beside it.
            guard budget.allows(attempt.cause, at: now) else {
                tell(.refused, because: .budget, observers)
                return .stop(.observed)
            }
            return retried(attempt, action, observers)
        }
        guard let permit = budget.permit(for: attempt.cause, at: now) else {
            observers.noticed(.retryBudgetExhausted(cluster: budget.cluster))
            tell(.refused, because: .budget, observers)
            return .stop(.budgetExhausted)
        }
        if !permit.isEnforced { tell(.refused, because: .budget, isEnforced: false, observers) }
        taken = permit.taken
        self.permit = consume permit
        return retried(attempt, action, observers)
    }

    private func retried(
        _ attempt: Attempt,
        _ action: RetryStateMachine.Action,
        _ observers: ObserverSet
    ) -> RetryStateMachine.Action {
        tell(.retried, because: attempt.reason, observers)
        return retry.policy.mode == .enforce ? action : .stop(.observed)
    }

    private func tell(
        _ action: PolicyDecision.Action,
        because reason: PolicyDecision.Reason,
        isEnforced: Bool = true,
        _ observers: ObserverSet
    ) {
        guard !observers.isEmpty else { return }
        let decision = PolicyDecision(
            .retry,
            name: retry.name,
            action,
            because: reason,
            isEnforced: isEnforced && retry.policy.mode == .enforce
        )
        observers.noticed(.policyActed(decision))
    }
}

extension RetryCall.Attempt {
    /// What a budget charges for.
    fileprivate var cause: RetryCause {
        switch failure {
        case .response(status: 429, _), .response(_, grpcStatus: 8): .throttled
        case .error(.attemptTimeout, _): .timeout
        default: .failure
        }
    }

    /// Why another attempt is made, as observers are told.
    fileprivate var reason: PolicyDecision.Reason {
        if pushback != .none { return .pushback }
        if case .error(.attemptTimeout, _) = failure { return .deadline }
        return .failure
    }
}

extension RetryStateMachine.Reason {
    /// What held back a retry that the failure was worth; `nil` where it was not worth one, or the attempts are used up,
    /// which is no decision about this failure.
    fileprivate var refusal: PolicyDecision.Reason? {
        switch self {
        case .pushedBack: .pushback
        case .deadlineTooClose, .timeExhausted: .deadline
        case .budgetExhausted, .shareExhausted: .budget
        case .alreadyRetried: .limit
        case .notRetriable, .replayCouldHarm, .attemptsExhausted, .observed, .cancelled: nil
        }
    }
}

extension RetryStateMachine.Action {
    /// Waits as long as it says.
    /// - Throws: `CancellationError` if the caller gives up before another attempt is made.
    @usableFromInline
    func sleep(on clock: any MeshClock) async throws {
        guard case .retry(let wait) = self, wait > .zero else { return try Task.checkCancellation() }
        try await clock.sleep(until: clock.now.advanced(by: wait))
    }
}
