// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// A sending rate that follows what the peer takes: down when it throttles, up again by a cubic curve (the client rate
/// limiter of the AWS SDKs' adaptive retry mode). There is no limit before the first throttled answer.
public struct AdaptiveRateLimitConfiguration: PolicyConfiguration {
    /// What remains of the rate after a throttled answer, above 0 and below 1.
    ///
    /// Default 0.7: `BETA` of the AWS SDKs.
    public var beta: Double
    /// How steeply the curve rises, above 0 and at most 100.
    ///
    /// Default 0.4: `SCALE_CONSTANT` of the AWS SDKs.
    public var scale: Double
    /// How much the newest measurement of the sending rate counts, above 0 and at most 1.
    ///
    /// Default 0.8: `SMOOTH` of the AWS SDKs.
    public var smoothing: Double
    /// The lowest sending rate, in calls a second, above 0 and at most 1000000.
    ///
    /// Default 0.5: `MIN_FILL_RATE` of the AWS SDKs.
    public var minimumRate: Double
    /// The smallest burst, 1 to 1000000.
    ///
    /// Default 1: `MIN_CAPACITY` of the AWS SDKs.
    public var minimumBurst: Double
    /// How long the sending rate is measured at a time, 1 ms to 60 s.
    ///
    /// Default 500 ms: the AWS SDKs.
    public var measurement: Nanoseconds
    /// How long a call may wait for its turn; a call that would wait longer is refused at once.
    ///
    /// Default 20 s: `MAX_BACKOFF` of the AWS SDKs, which wait for a turn without end.
    public var maximumWait: Nanoseconds
    /// Whether it acts.
    ///
    /// Default `enforce`.
    public var mode: PolicyMode

    /// Creates a configuration.
    public init(
        beta: Double = 0.7,
        scale: Double = 0.4,
        smoothing: Double = 0.8,
        minimumRate: Double = 0.5,
        minimumBurst: Double = 1,
        measurement: Nanoseconds = .milliseconds(500),
        maximumWait: Nanoseconds = .seconds(20),
        mode: PolicyMode = .enforce
    ) {
        self.beta = beta
        self.scale = scale
        self.smoothing = smoothing
        self.minimumRate = minimumRate
        self.minimumBurst = minimumBurst
        self.measurement = measurement
        self.maximumWait = maximumWait
        self.mode = mode
    }

    /// The rate limit.
    public static var kind: PolicyKind { .rateLimit }

    /// Every value in force.
    public var settings: [PolicySetting] {
        let source = "AWS SDKs, adaptive retry mode"
        return [
            PolicySetting("beta", beta, default: 0.7, from: source),
            PolicySetting("scale", scale, default: 0.4, from: source),
            PolicySetting("smoothing", smoothing, default: 0.8, from: source),
            PolicySetting("minimumRate", minimumRate, default: 0.5, from: source),
            PolicySetting("minimumBurst", minimumBurst, default: 1, from: source),
            PolicySetting("measurement", measurement, default: .milliseconds(500), from: source),
            PolicySetting("maximumWait", maximumWait, default: .seconds(20), from: "AWS SDKs, MAX_BACKOFF"),
            PolicySetting("mode", mode.rawValue, default: "enforce", from: "every policy"),
        ]
    }

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        problems.require(beta > 0 && beta < 1, "beta", "must be above 0 and below 1, is \(beta)")
        problems.require(scale > 0 && scale <= 100, "scale", "must be above 0 and at most 100, is \(scale)")
        problems.require(smoothing > 0 && smoothing <= 1, "smoothing", "must be above 0 and at most 1, is \(smoothing)")
        problems.require(
            minimumRate > 0 && minimumRate <= 1_000_000,
            "minimumRate",
            "must be above 0 and at most 1000000, is \(minimumRate)"
        )
        problems.require(
            minimumBurst >= 1 && minimumBurst <= 1_000_000,
            "minimumBurst",
            "must be from 1 to 1000000, is \(minimumBurst)"
        )
        problems.require(
            measurement >= .milliseconds(1) && measurement <= .seconds(60),
            "measurement",
            "must be from 1 ms to 60 s"
        )
        problems.require(maximumWait <= .seconds(86_400), "maximumWait", "must be at most 24 h")
        try problems.throwIfAny()
    }
}
