// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Decides whether a request whose deadline has passed is served all the same.
///
/// Each request that is served earns the share of a refusal, which expires; a refusal takes a whole one.
public struct ExpiredRequestStateMachine: Sendable {
    /// What becomes of a request.
    public enum Verdict: Hashable, Sendable {
        /// It is served; so much time is left, `forever` without a deadline.
        case inTime(remaining: Nanoseconds)
        /// Its deadline passed so long ago; it is served, because enough others were refused.
        case lateButServed(by: Nanoseconds)
        /// Its deadline passed so long ago, and it is refused.
        case refused(lateBy: Nanoseconds)
    }

    // Finagle uses the same leaky bucket for both, and so does this.
    private var refusals: TokenRetryBudget

    /// Creates a machine that has seen no request.
    public init(_ configuration: ExpiredRequestConfiguration) {
        self.refusals = TokenRetryBudget(
            RetryBudgetConfiguration(
                percent: configuration.maximumShare * 100,
                minimumPerSecond: 0,
                timeToLive: configuration.period
            )
        )
    }

    /// A request is about to be served.
    /// - Returns: What becomes of it. A deadline that passes at this very instant has passed.
    public mutating func requestReceived(deadline: Deadline, at now: MeshInstant) -> Verdict {
        guard deadline.hasPassed(at: now) else {
            refusals.requestStarted(at: now)
            return .inTime(remaining: deadline.remaining(at: now))
        }
        let late = now.elapsed(since: deadline.instant)
        guard refusals.retryWanted(.failure, at: now) == nil else { return .refused(lateBy: late) }
        refusals.requestStarted(at: now)
        return .lateButServed(by: late)
    }
}
