// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// How long an operation may take.
public struct TimeoutConfiguration: PolicyConfiguration {
    /// A timeout.
    public static var kind: PolicyKind { .timeout }

    /// The longest time that the operation may take, greater than 0 and at most 365 days.
    ///
    /// Default 1 s: Hystrix's `execution.isolation.thread.timeoutInMilliseconds`, resilience4j's `timeoutDuration`.
    public var duration: Nanoseconds
    /// How many operations that were walked away from may go on at once, 0 to 1 000 000; only for `runAbandoning`.
    ///
    /// Default 10: the threads of Hystrix's pool (`coreSize`), which is what its walked-away work can hold.
    public var maximumAbandoned: Int
    /// Whether the timeout acts.
    public var mode: PolicyMode

    /// Creates a configuration.
    public init(
        duration: Nanoseconds = .seconds(1),
        maximumAbandoned: Int = 10,
        mode: PolicyMode = .enforce
    ) {
        self.duration = duration
        self.maximumAbandoned = maximumAbandoned
        self.mode = mode
    }

    /// Every value in force.
    public var settings: [PolicySetting] {
        [
            PolicySetting("duration", duration, default: .seconds(1), from: "Hystrix, resilience4j"),
            PolicySetting("maximumAbandoned", maximumAbandoned, default: 10, from: "Hystrix coreSize"),
            PolicySetting("mode", mode, default: .enforce, from: "swift-service-mesh"),
        ]
    }

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        problems.require(
            duration > .zero && duration <= .seconds(365 * 86_400),
            "duration",
            "must be greater than 0 and at most 365 days, is \(duration.duration)"
        )
        problems.require(
            (0...1_000_000).contains(maximumAbandoned),
            "maximumAbandoned",
            "must be from 0 to 1000000, is \(maximumAbandoned)"
        )
        try problems.throwIfAny()
    }
}
