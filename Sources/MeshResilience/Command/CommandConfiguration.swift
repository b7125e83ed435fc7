// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// How a command protects its operation. The defaults are Hystrix'.
public struct CommandConfiguration: Hashable, Sendable {
    /// How long the operation may take; `nil` for as long as it likes.
    ///
    /// Default 1 s: `execution.isolation.thread.timeoutInMilliseconds`.
    public var timeout: Nanoseconds?
    /// The most operations under way, from 1.
    ///
    /// Default 10: `execution.isolation.semaphore.maxConcurrentRequests`, `coreSize`.
    public var maximumConcurrent: Int
    /// The most fallbacks under way, from 1.
    ///
    /// Default 10: `fallback.isolation.semaphore.maxConcurrentRequests`.
    public var maximumConcurrentFallbacks: Int
    /// When the circuit opens and closes.
    ///
    /// Default `hystrix`: half of at least 20 calls in 10 s, one probe after 5 s.
    public var circuitBreaker: CircuitBreakerConfiguration
    /// Whether timeout, limit, breaker and fallback act. The counts are kept in any mode.
    public var mode: PolicyMode

    /// Creates a configuration.
    public init(
        timeout: Nanoseconds? = .seconds(1),
        maximumConcurrent: Int = 10,
        maximumConcurrentFallbacks: Int = 10,
        circuitBreaker: CircuitBreakerConfiguration = .hystrix,
        mode: PolicyMode = .enforce
    ) {
        self.timeout = timeout
        self.maximumConcurrent = maximumConcurrent
        self.maximumConcurrentFallbacks = maximumConcurrentFallbacks
        self.circuitBreaker = circuitBreaker
        self.mode = mode
    }

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        if let timeoutPolicy {
            _ = problems.nest("timeout") { () throws(ConfigurationError) in try timeoutPolicy.validate() }
        }
        for (path, count) in [
            ("maximumConcurrent", maximumConcurrent), ("maximumConcurrentFallbacks", maximumConcurrentFallbacks),
        ] {
            problems.require(
                (1...Int(Int32.max)).contains(count),
                path,
                "must be from 1 to 2147483647, is \(count)"
            )
        }
        _ = problems.nest("circuitBreaker") { () throws(ConfigurationError) in try circuitBreaker.validate() }
        try problems.throwIfAny()
    }

    var timeoutPolicy: TimeoutConfiguration? {
        timeout.map { TimeoutConfiguration(duration: $0, mode: mode) }
    }

    var bulkheadPolicy: BulkheadConfiguration {
        BulkheadConfiguration(maximumConcurrent: maximumConcurrent, mode: mode)
    }

    var fallbackPolicy: BulkheadConfiguration {
        BulkheadConfiguration(maximumConcurrent: maximumConcurrentFallbacks, mode: mode)
    }

    var breakerPolicy: CircuitBreakerConfiguration {
        var breaker = circuitBreaker
        if mode != .enforce { breaker.mode = mode }
        return breaker
    }
}
