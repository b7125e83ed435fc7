// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// When a circuit breaker opens, for how long, and how it closes again.
public struct CircuitBreakerConfiguration: Hashable, Sendable {
    /// The share of failures, above 0 to 1, at which it opens (`>=`).
    ///
    /// Default 0.5: Hystrix, resilience4j.
    public var failureRate: Double
    /// The fewest calls in the window before the rate counts.
    ///
    /// Default 20: Hystrix' `requestVolumeThreshold`.
    public var minimumCalls: Int
    /// The time that the rate looks back, in ten buckets.
    ///
    /// Default 10 s: Hystrix' rolling window.
    public var window: Nanoseconds
    /// How long it stays open before it lets probes through.
    ///
    /// Default 5 s: Hystrix' `sleepWindow`, Polly.
    public var openDuration: Nanoseconds
    /// How many probes it lets through at once when half open; all must succeed to close it.
    ///
    /// Default 1: Hystrix, Polly.
    public var probes: Int

    /// Creates a configuration.
    public init(
        failureRate: Double = 0.5,
        minimumCalls: Int = 20,
        window: Nanoseconds = .seconds(10),
        openDuration: Nanoseconds = .seconds(5),
        probes: Int = 1
    ) {
        self.failureRate = failureRate
        self.minimumCalls = minimumCalls
        self.window = window
        self.openDuration = openDuration
        self.probes = probes
    }

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        problems.require(
            failureRate > 0 && failureRate <= 1,
            "failureRate",
            "must be above 0 and at most 1, is \(failureRate)"
        )
        problems.require(
            (1...1_000_000).contains(minimumCalls),
            "minimumCalls",
            "must be from 1 to 1000000, is \(minimumCalls)"
        )
        problems.require(
            window >= .milliseconds(10) && window <= .seconds(86_400),
            "window",
            "must be from 10 ms to 24 h"
        )
        problems.require(
            openDuration > .zero && openDuration <= .seconds(86_400),
            "openDuration",
            "must be above 0 and at most 24 h"
        )
        problems.require((1...10_000).contains(probes), "probes", "must be from 1 to 10000, is \(probes)")
        try problems.throwIfAny()
    }
}
