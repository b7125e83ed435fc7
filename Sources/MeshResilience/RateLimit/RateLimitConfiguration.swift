// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// How many calls a time may hold, and whether a call waits for its turn. There is no default rate: a limit that nobody
/// chose surprises.
///
/// ```swift
/// RateLimitConfiguration(rate: 60, per: .seconds(60), burst: 10, algorithm: .smooth)
/// ```
public struct RateLimitConfiguration: PolicyConfiguration {
    /// How calls are counted.
    public enum Algorithm: String, Hashable, Sendable, CaseIterable {
        /// A bucket that each interval adds tokens to, all at once (`envoy.type.v3.TokenBucket`).
        ///
        /// A bucket no larger than what an interval adds is a fixed window: resilience4j's `AtomicRateLimiter` and
        /// failsafe's bursty limiter. Two bursts may meet at the edge of two intervals.
        case tokenBucket = "token_bucket"
        /// Tokens one by one, evenly spaced (the generic cell rate algorithm; a leaky bucket). A burst of one makes no
        /// two calls closer than the spacing: failsafe's smooth limiter.
        case smooth
        /// No span of one interval, wherever it begins, holds more calls than the rate; estimated from the counts of
        /// this interval and the one before, in constant memory. It cannot reserve, so that calls do not wait.
        case slidingWindow = "sliding_window"
        /// The same without an estimate: it remembers an instant for each call of an interval, eight bytes each.
        case slidingLog = "sliding_log"
    }

    /// The largest burst: the bucket's size. The sliding algorithms have none but the rate.
    public var maximumTokens: Int
    /// The rate: how many tokens each interval adds.
    ///
    /// Default 1 of the initialiser that speaks of tokens: `TokenBucket.tokens_per_fill`.
    public var tokensPerFill: Int
    /// The interval that the rate is counted in; Envoy's local rate limit asks for at least 50 ms.
    public var fillInterval: Nanoseconds
    /// How calls are counted.
    ///
    /// Default `tokenBucket`: Envoy's local rate limit.
    public var algorithm: Algorithm
    /// How long a call may wait for its turn; a call that would wait longer is refused at once.
    ///
    /// Default zero, nobody waits: Envoy and failsafe. resilience4j's 5 s hold a thread for each waiting call.
    public var maximumWait: Nanoseconds
    /// Whether it acts.
    ///
    /// Default `enforce`.
    public var mode: PolicyMode

    /// The calls that the sliding log may remember.
    static let longestLog = 10_000

    /// Creates a configuration in the terms of a bucket.
    public init(
        maximumTokens: Int,
        tokensPerFill: Int = 1,
        fillInterval: Nanoseconds,
        algorithm: Algorithm = .tokenBucket,
        maximumWait: Nanoseconds = .zero,
        mode: PolicyMode = .enforce
    ) {
        self.maximumTokens = maximumTokens
        self.tokensPerFill = tokensPerFill
        self.fillInterval = fillInterval
        self.algorithm = algorithm
        self.maximumWait = maximumWait
        self.mode = mode
    }

    /// Creates a configuration in the terms of a rate.
    /// - Parameters:
    ///   - rate: How many calls the interval may hold.
    ///   - interval: The interval.
    ///   - burst: How many calls may come at once after a rest. Default `nil`: as many as the rate, or one if they are
    ///     to be evenly spaced.
    ///   - algorithm: How calls are counted.
    ///   - maximumWait: How long a call may wait for its turn.
    ///   - mode: Whether it acts.
    public init(
        rate: Int,
        per interval: Nanoseconds,
        burst: Int? = nil,
        algorithm: Algorithm = .tokenBucket,
        maximumWait: Nanoseconds = .zero,
        mode: PolicyMode = .enforce
    ) {
        self.init(
            maximumTokens: burst ?? (algorithm == .smooth ? 1 : rate),
            tokensPerFill: rate,
            fillInterval: interval,
            algorithm: algorithm,
            maximumWait: maximumWait,
            mode: mode
        )
    }

    /// The rate limit.
    public static var kind: PolicyKind { .rateLimit }

    /// Every value in force.
    public var settings: [PolicySetting] {
        [
            PolicySetting("tokensPerFill", tokensPerFill),
            PolicySetting("fillInterval", fillInterval),
            PolicySetting("maximumTokens", maximumTokens),
            PolicySetting("algorithm", algorithm.rawValue, default: "token_bucket", from: "Envoy local_ratelimit"),
            PolicySetting("maximumWait", maximumWait, default: .zero, from: "Envoy local_ratelimit"),
            PolicySetting("mode", mode.rawValue, default: "enforce", from: "every policy"),
        ]
    }

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        problems.require(
            (1...Int(UInt32.max)).contains(maximumTokens),
            "maximumTokens",
            "must be from 1 to 4294967295, is \(maximumTokens)"
        )
        problems.require(
            (1...Int(UInt32.max)).contains(tokensPerFill),
            "tokensPerFill",
            "must be from 1 to 4294967295, is \(tokensPerFill)"
        )
        problems.require(
            fillInterval >= .milliseconds(1) && fillInterval <= .seconds(86_400),
            "fillInterval",
            "must be from 1 ms to 24 h"
        )
        problems.require(maximumWait <= .seconds(86_400), "maximumWait", "must be at most 24 h")
        if algorithm == .slidingWindow || algorithm == .slidingLog {
            problems.require(
                maximumTokens == tokensPerFill,
                "maximumTokens",
                "must be the rate (\(tokensPerFill)): a sliding window has no other burst, is \(maximumTokens)"
            )
        }
        switch algorithm {
        case .slidingWindow:
            problems.require(
                maximumWait == .zero,
                "maximumWait",
                "must be zero: the estimate of a sliding window cannot reserve; slidingLog can"
            )
        case .slidingLog:
            problems.require(
                tokensPerFill <= Self.longestLog,
                "tokensPerFill",
                "must be at most \(Self.longestLog) for a log, is \(tokensPerFill); slidingWindow takes any"
            )
        case .smooth:
            // Spacing is counted in whole nanoseconds.
            problems.require(
                tokensPerFill <= 0 || fillInterval.rawValue >= UInt64(tokensPerFill),
                "tokensPerFill",
                "must leave at least a nanosecond between two calls"
            )
        case .tokenBucket: break
        }
        try problems.throwIfAny()
    }
}

extension RateLimitConfiguration {
    /// Why a call was refused whose turn would have come after `wait`.
    func reason(forWait wait: Nanoseconds) -> PolicyDecision.Reason {
        if maximumWait == .zero { return .limit }
        return wait > maximumWait ? .waitTooLong : .deadline
    }

    /// The error of a refused call.
    func refusal(retryAfter wait: Nanoseconds, because reason: PolicyDecision.Reason) -> MeshError {
        MeshError(
            .rateLimited,
            origin: .local,
            message: "the limit of \(tokensPerFill) requests per \(fillInterval.duration) is reached",
            reason: reason,
            retryAfter: wait,
            localReply: LocalReply(status: 429, body: "local_rate_limited")
        )
    }
}
