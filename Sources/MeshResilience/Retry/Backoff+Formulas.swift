// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

extension Backoff {
    /// No wait at all: Finagle's default for requeues.
    public static let none = Backoff.constant(.zero)

    /// Always the same wait.
    public static func constant(_ wait: Nanoseconds, jitter: Jitter = .none) -> Backoff {
        Backoff(base: wait, maximum: jitter.reachesUp ? nil : wait, growth: .constant, jitter: jitter)
    }

    /// gRPC's: `min(initial·multiplier^(n-1), maximum)·U(0.8, 1.2)` (gRFC A6, as amended).
    public static func grpc(initial: Nanoseconds, maximum: Nanoseconds, multiplier: Double) -> Backoff {
        Backoff(
            base: initial,
            maximum: maximum,
            growth: .exponential(factor: multiplier),
            jitter: .proportionalAboveMaximum(0.2)
        )
    }

    /// Polly's constant delay: ±25% with jitter. Polly's default delay is 2 s.
    public static func pollyConstant(
        _ delay: Nanoseconds = .seconds(2),
        jitter: Bool = false,
        maximum: Nanoseconds = .forever
    ) -> Backoff {
        Backoff(base: delay, maximum: maximum, growth: .constant, jitter: jitter ? .proportional(0.25) : .none)
    }

    /// Polly's linear delay, `delay·n`: ±25% with jitter.
    public static func pollyLinear(
        _ delay: Nanoseconds = .seconds(2),
        jitter: Bool = false,
        maximum: Nanoseconds = .forever
    ) -> Backoff {
        Backoff(
            base: delay,
            maximum: maximum,
            growth: .linear(step: delay),
            jitter: jitter ? .proportional(0.25) : .none
        )
    }

    /// Polly's exponential delay, `delay·2^(n-1)`: `DecorrelatedJitterBackoffV2` with jitter.
    public static func pollyExponential(
        _ delay: Nanoseconds = .seconds(2),
        jitter: Bool = false,
        maximum: Nanoseconds = .forever
    ) -> Backoff {
        Backoff(
            base: delay,
            maximum: maximum,
            growth: jitter ? .smoothExponential : .exponential(factor: 2),
            jitter: .none
        )
    }

    /// resilience4j's random interval: `interval·U(1 - factor, 1 + factor)`, 500 ms and 0.5 by default.
    public static func resilience4jRandom(
        _ interval: Nanoseconds = .milliseconds(500),
        factor: Double = 0.5
    ) -> Backoff {
        Backoff(base: interval, maximum: .forever, growth: .constant, jitter: .proportional(factor))
    }

    /// resilience4j's exponential random interval: 500 ms, times 1.5 a retry, ±50% by default.
    public static func resilience4jExponential(
        initial: Nanoseconds = .milliseconds(500),
        multiplier: Double = 1.5,
        factor: Double = 0.5,
        maximum: Nanoseconds = .forever
    ) -> Backoff {
        Backoff(
            base: initial,
            maximum: maximum,
            growth: .exponential(factor: multiplier),
            jitter: .proportional(factor)
        )
    }

    /// Finagle's `equalJittered`: `half + U(0, half)` with `half = start·2^(n-1)`, never above the maximum.
    ///
    /// Finagle's own first wait is `start` without jitter; here it is spread, too.
    public static func finagleEqualJittered(start: Nanoseconds, maximum: Nanoseconds) -> Backoff {
        Backoff(base: start, maximum: maximum, growth: .exponential(factor: 2), jitter: .additive(1))
    }

    /// Finagle's `exponentialJittered`: `U(0, min(maximum, start·2^n))`.
    public static func finagleExponentialJittered(start: Nanoseconds, maximum: Nanoseconds) -> Backoff {
        let (double, overflow) = start.rawValue.multipliedReportingOverflow(by: 2)
        return Backoff(
            base: min(Nanoseconds(rawValue: overflow ? .max : double), maximum),
            maximum: maximum,
            growth: .exponential(factor: 2),
            jitter: .full
        )
    }

    /// Finagle's and AWS's *decorrelated*: from `start` to three times the last wait, never above the maximum.
    public static func decorrelated(start: Nanoseconds, maximum: Nanoseconds) -> Backoff {
        Backoff(base: start, maximum: maximum, growth: .decorrelated, jitter: .none)
    }

    /// Tower's `ExponentialBackoff`: `base·2^(n-1)` and up to `jitter` of it more, never above the maximum.
    public static func tower(base: Nanoseconds, maximum: Nanoseconds, jitter: Double = 0.99) -> Backoff {
        Backoff(base: base, maximum: maximum, growth: .exponential(factor: 2), jitter: .additive(jitter))
    }

    /// The AWS SDKs': `U(0, 1)·50 ms·2^(n-1)`, at most 20 s.
    public static func aws(maximum: Nanoseconds = .seconds(20)) -> Backoff {
        Backoff(base: .milliseconds(50), maximum: maximum, growth: .exponential(factor: 2), jitter: .full)
    }
}

extension Backoff.Jitter {
    /// Whether it can make a wait longer than it was.
    fileprivate var reachesUp: Bool {
        switch self {
        case .proportional, .additive: true
        case .none, .full, .equal, .remainder, .proportionalAboveMaximum: false
        }
    }
}
