// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// How long to wait before a further attempt: exponential with full jitter, as Envoy computes it.
public struct Backoff: Hashable, Sendable {
    /// The upper bound of the first wait.
    ///
    /// Default 25 ms: Envoy's `RetryBackOff.base_interval`.
    public var base: Nanoseconds
    /// The upper bound of every wait.
    ///
    /// Default 250 ms: Envoy's `RetryBackOff.max_interval`, ten times the base.
    public var maximum: Nanoseconds

    /// Creates a back-off; without a maximum, ten times the base.
    public init(base: Nanoseconds = .milliseconds(25), maximum: Nanoseconds? = nil) {
        self.base = base
        let (tenfold, overflow) = base.rawValue.multipliedReportingOverflow(by: 10)
        self.maximum = maximum ?? Nanoseconds(rawValue: overflow ? .max : tenfold)
    }

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        problems.require(base > .zero, "base", "must be greater than 0")
        problems.require(maximum >= base, "maximum", "must be at least the base")
        try problems.throwIfAny()
    }

    /// The wait before retry number `retry` (1 is the first): `random % min(base·2^(retry-1), maximum)`.
    ///
    /// That is what Envoy's code does (`JitteredExponentialBackOffStrategy`); its documentation says otherwise.
    /// - Complexity: O(1); no overflow for any retry number.
    public func wait(beforeRetry retry: Int, random: UInt64) -> Nanoseconds {
        let shift = min(max(retry, 1) - 1, 63)
        let grown = base.rawValue.leadingZeroBitCount >= shift ? base.rawValue << UInt64(shift) : .max
        let bound = min(grown, maximum.rawValue)
        return bound == 0 ? .zero : Nanoseconds(rawValue: random % bound)
    }
}
