// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// How long to wait before a further attempt: how the wait grows, and how it is spread.
///
/// `Backoff(base:maximum:)` is Envoy's formula; others have names (`.grpc`, `.aws`, `.pollyExponential` …), and every
/// growth goes with every jitter.
public struct Backoff: Hashable, Sendable {
    /// How the wait grows from retry to retry, before it is spread. More cases may come: switch with a default.
    public enum Growth: Hashable, Sendable {
        /// It stays the base.
        case constant
        /// It grows by a step: `base + step·(n-1)`.
        case linear(step: Nanoseconds)
        /// It is multiplied by a factor: `base·factor^(n-1)`.
        case exponential(factor: Double)
        /// It is drawn from the base to three times the last wait (AWS's and Finagle's *decorrelated*).
        ///
        /// That is a spread of its own: the jitter has no part in it.
        case decorrelated
        /// Polly's `DecorrelatedJitterBackoffV2`: differences of `2^t·tanh(√(4t))` at random `t`. At the median the waits
        /// are 0.9, 1.1, 2, 4 … times the base.
        ///
        /// That is a spread of its own: the jitter has no part in it.
        case smoothExponential
    }

    /// How a wait is spread, so that callers who failed together do not come back together. More cases may come.
    public enum Jitter: Hashable, Sendable {
        /// Not at all.
        case none
        /// Over everything from zero up to the wait.
        case full
        /// Over its upper half.
        case equal
        /// By a ratio to both sides, 0 to 1, never above the maximum.
        case proportional(Double)
        /// By a ratio to both sides, 0 to 1, the maximum notwithstanding: gRFC A6 bounds first and spreads then.
        case proportionalAboveMaximum(Double)
        /// By a ratio upwards, 0 to 10, never above the maximum.
        case additive(Double)
        /// By the remainder of the random number: Envoy's way to full jitter, bit for bit.
        case remainder
    }

    /// What the waits are computed from. Only a constant back-off may have 0, which is not to wait.
    ///
    /// Default 25 ms: Envoy's `RetryBackOff.base_interval`.
    public var base: Nanoseconds
    /// The upper bound of every wait, at least the base.
    ///
    /// Default ten times the base: Envoy's `RetryBackOff.max_interval`.
    public var maximum: Nanoseconds
    /// How the wait grows.
    ///
    /// Default doubling: Envoy's.
    public var growth: Growth
    /// How the wait is spread.
    ///
    /// Default the remainder: Envoy's.
    public var jitter: Jitter

    /// Creates Envoy's back-off, `random % min(base·2^(n-1), maximum)`; without a maximum, ten times the base.
    public init(base: Nanoseconds = .milliseconds(25), maximum: Nanoseconds? = nil) {
        self.init(base: base, maximum: maximum, growth: .exponential(factor: 2), jitter: .remainder)
    }

    /// Creates a back-off; without a maximum, ten times the base.
    public init(base: Nanoseconds, maximum: Nanoseconds? = nil, growth: Growth, jitter: Jitter) {
        self.base = base
        let (tenfold, overflow) = base.rawValue.multipliedReportingOverflow(by: 10)
        self.maximum = maximum ?? Nanoseconds(rawValue: overflow ? .max : tenfold)
        self.growth = growth
        self.jitter = jitter
    }

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        problems.require(base > .zero || growth == .constant, "base", "must be greater than 0")
        problems.require(maximum >= base, "maximum", "must be at least the base")
        if case .exponential(let factor) = growth {
            problems.require(
                factor >= 1 && factor <= 1000,
                "growth.factor",
                "must be from 1 to 1000, is \(factor)"
            )
        }
        switch jitter {
        case .proportional(let ratio), .proportionalAboveMaximum(let ratio):
            problems.require(ratio >= 0 && ratio <= 1, "jitter.ratio", "must be from 0 to 1, is \(ratio)")
        case .additive(let ratio):
            problems.require(ratio >= 0 && ratio <= 10, "jitter.ratio", "must be from 0 to 10, is \(ratio)")
        case .none, .full, .equal, .remainder: break
        }
        try problems.throwIfAny()
    }

    /// The wait before retry number `retry` (1 is the first), for a back-off that needs no memory of the last wait.
    ///
    /// A decorrelated one is taken at its first wait and a smooth one from scratch: `BackoffStateMachine` remembers.
    /// - Parameter random: 64 random bits; 0 is the shortest wait of the spread, the largest number the longest.
    /// - Complexity: O(log `retry`); no overflow for any retry number.
    public func wait(beforeRetry retry: Int, random: UInt64) -> Nanoseconds {
        var machine = BackoffStateMachine(self, retriesBefore: max(retry, 1) - 1)
        return machine.retryWanted(random: random)
    }
}
