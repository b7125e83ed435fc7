// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Which requests a server refuses because nobody waits for their answers any more (Finagle's `DeadlineFilter`).
public struct ExpiredRequestConfiguration: PolicyConfiguration {
    /// `.timeout`.
    public static let kind = PolicyKind.timeout

    /// The largest share of the requests that is refused, 0 to 1; clocks that are wrong must not take a server down.
    ///
    /// Default 0.2: Finagle's `DefaultMaxRejectFraction`.
    public var maximumShare: Double
    /// The time over which that share is measured, 1 s to 60 s.
    ///
    /// Default 10 s: Finagle's `DefaultRejectPeriod`.
    public var period: Nanoseconds
    /// Whether it refuses, or only says what it would refuse.
    ///
    /// Default `.enforce`; Finagle's own default is its dark mode.
    public var mode: PolicyMode

    /// Creates a configuration.
    public init(maximumShare: Double = 0.2, period: Nanoseconds = .seconds(10), mode: PolicyMode = .enforce) {
        self.maximumShare = maximumShare
        self.period = period
        self.mode = mode
    }

    /// Every value in force.
    public var settings: [PolicySetting] {
        [
            PolicySetting("mode", mode, default: .enforce, from: "MeshResilience"),
            PolicySetting("maximumShare", maximumShare, default: 0.2, from: "Finagle DeadlineFilter.maxRejectFraction"),
            PolicySetting("period", period, default: .seconds(10), from: "Finagle DeadlineFilter.rejectPeriod"),
        ]
    }

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        problems.require((0...1).contains(maximumShare), "maximumShare", "must be from 0 to 1, is \(maximumShare)")
        problems.require(period >= .seconds(1) && period <= .seconds(60), "period", "must be from 1 s to 60 s")
        try problems.throwIfAny()
    }
}
