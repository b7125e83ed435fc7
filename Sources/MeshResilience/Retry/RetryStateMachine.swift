// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Decides after each attempt of one request whether another follows, and when.
///
/// Gates in Envoy's order: the rule and the conditions, whether a replay is harmless, the attempts that are left, what
/// the peer said, the time. The budget is the caller's to ask, because it is shared by all requests.
public struct RetryStateMachine: Sendable {
    /// What an attempt came to.
    public enum Failure: Sendable {
        /// A response, with its status and, from its headers, its gRPC status.
        case response(status: Int, grpcStatus: Int?)
        /// No response.
        case error(MeshError.Code, RequestState)
        /// A value that whoever ran the operation counts as a failure worth another attempt.
        case rejected
    }

    /// What follows.
    public enum Action: Hashable, Sendable {
        /// Another attempt, after a wait.
        case retry(after: Nanoseconds)
        /// What there is goes to the caller.
        case stop(Reason)
    }

    /// Why no attempt follows. More cases may come: switch with a default.
    public enum Reason: Hashable, Sendable {
        /// The policy does not name such a failure; a success is none either.
        case notRetriable
        /// The request cannot be sent again, or doing so might execute it twice.
        case replayCouldHarm
        /// The request is somebody's retry already (Kitex's *ChainStop*).
        case alreadyRetried
        /// All attempts were made.
        case attemptsExhausted
        /// The request has used up its share of the budget.
        case shareExhausted
        /// The peer asked not to be asked again.
        case pushedBack
        /// The deadline passes before the wait is over.
        case deadlineTooClose
        /// The policy's total time passes before the wait is over.
        case timeExhausted
        /// The budget is spent.
        case budgetExhausted
        /// The policy only observes.
        case observed
        /// The caller gave up.
        case cancelled
    }

    private let policy: RetryPolicy
    private let lastStart: MeshInstant
    private let isAlreadyRetried: Bool
    private let share: Int
    private var backoff: BackoffStateMachine
    private var attempts = 0

    /// Creates the machine of one request.
    /// - Parameters:
    ///   - policy: What is retried.
    ///   - startedAt: When the request began: what the policy's total time is measured from.
    ///   - isAlreadyRetried: Whether the request came in as a retry of somebody before us.
    ///   - budgetBalance: How many retries the budget would have allowed when the request began, which the policy's
    ///     share is taken of.
    public init(
        _ policy: RetryPolicy,
        startedAt: MeshInstant,
        isAlreadyRetried: Bool = false,
        budgetBalance: Double = .infinity
    ) {
        self.policy = policy
        self.lastStart = policy.totalTime.map { startedAt.advanced(by: $0) } ?? MeshInstant(nanoseconds: .max)
        self.isAlreadyRetried = isAlreadyRetried
        self.share = policy.budgetShare.map { Self.retries(share: $0, of: budgetBalance) } ?? .max
        self.backoff = BackoffStateMachine(policy.backoff)
    }

    /// An attempt ended.
    /// - Parameters:
    ///   - failure: What it came to.
    ///   - error: The error that was thrown, for the policy's own rule.
    ///   - pushback: What the peer said about trying again.
    ///   - isRateLimited: Whether the response carries `x-envoy-ratelimited`.
    ///   - hasRetriableHeader: Whether the response has a header that the policy names.
    ///   - isIdempotent: Whether executing the request twice does no more than once.
    ///   - isReplayable: Whether the whole request can be sent again.
    ///   - deadline: When nobody waits any more.
    ///   - random: 64 random bits.
    public mutating func attemptEnded(
        _ failure: Failure,
        error: (any Error)? = nil,
        pushback: RetryPushback = .none,
        isRateLimited: Bool = false,
        hasRetriableHeader: Bool = false,
        isIdempotent: Bool,
        isReplayable: Bool,
        deadline: Deadline,
        at now: MeshInstant,
        random: UInt64
    ) -> Action {
        if attempts < .max { attempts += 1 }
        let isNamed =
            isRateLimited && policy.conditions.contains(.envoyRateLimited) || hasRetriableHeader
            || policy.names(failure, error: error, attempt: attempts, isIdempotent: isIdempotent)
        guard isNamed else { return .stop(.notRetriable) }
        guard isReplayable, policy.mayReplay(failure, isIdempotent: isIdempotent) else {
            return .stop(.replayCouldHarm)
        }
        guard !isAlreadyRetried else { return .stop(.alreadyRetried) }
        guard attempts < policy.effectiveAttempts else { return .stop(.attemptsExhausted) }
        guard attempts <= share else { return .stop(.shareExhausted) }
        guard pushback != .stop else { return .stop(.pushedBack) }
        let wait: Nanoseconds
        if let asked = pushback.wait(random: random) {
            wait = asked
            if case .exactly = pushback { backoff.restart() }
        } else {
            wait = backoff.retryWanted(random: random)
        }
        let next = now.advanced(by: wait)
        guard next < deadline.instant else { return .stop(.deadlineTooClose) }
        guard next < lastStart else { return .stop(.timeExhausted) }
        return .retry(after: wait)
    }

    /// A share of a balance in whole retries, rounded up as Finagle does.
    static func retries(share: Double, of balance: Double) -> Int {
        let retries = (share * max(balance, 0)).rounded(.up)
        // No share of an infinite balance is no number, and no retry.
        return retries.isNaN ? 0 : Int(exactly: min(retries, 1_000_000)) ?? 0
    }
}

extension RetryPolicy {
    /// Whether the policy's rule or its conditions name such a failure.
    func names(
        _ failure: RetryStateMachine.Failure,
        error: (any Error)?,
        attempt: Int,
        isIdempotent: Bool
    ) -> Bool {
        guard let predicate else { return retries(failure) }
        let ended = RetryPredicate.Attempt(failure: failure, error: error, number: attempt, isIdempotent: isIdempotent)
        return switch predicate.verdict(ended) {
        case .retry: true
        case .stop: false
        case .undecided: retries(failure)
        }
    }

    /// Whether the policy's conditions name such a failure.
    func retries(_ failure: RetryStateMachine.Failure) -> Bool {
        switch failure {
        case .rejected: return true
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
