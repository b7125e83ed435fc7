// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// When an endpoint that keeps failing gets no more traffic, and for how long (`envoy.config.cluster.v3.OutlierDetection`).
public struct OutlierDetection: Hashable, Sendable {
    /// Failures in a row after which an endpoint is ejected; `nil` switches the detection off.
    ///
    /// Default 5: Envoy's `consecutive_5xx`. Connection failures and timeouts count, as in Envoy's default mode.
    public var consecutiveFailures: UInt32?
    /// How often ejected endpoints are looked at.
    ///
    /// Default 10 s: Envoy's `interval`.
    public var interval: Nanoseconds
    /// How long the first ejection lasts; the n-th lasts n times as long.
    ///
    /// Default 30 s: Envoy's `base_ejection_time`.
    public var baseEjectionTime: Nanoseconds
    /// The longest ejection, or the base time if that is longer.
    ///
    /// Default 300 s: Envoy's `max_ejection_time`.
    public var maximumEjectionTime: Nanoseconds
    /// The largest share of endpoints that may be ejected at once, in percent.
    ///
    /// Default 10: Envoy's `max_ejection_percent`. An endpoint is ejected if the share stays within it afterwards.
    public var maximumEjectionPercent: UInt32

    /// Creates a configuration.
    public init(
        consecutiveFailures: UInt32? = 5,
        interval: Nanoseconds = .seconds(10),
        baseEjectionTime: Nanoseconds = .seconds(30),
        maximumEjectionTime: Nanoseconds = .seconds(300),
        maximumEjectionPercent: UInt32 = 10
    ) {
        self.consecutiveFailures = consecutiveFailures
        self.interval = interval
        self.baseEjectionTime = baseEjectionTime
        self.maximumEjectionTime = maximumEjectionTime
        self.maximumEjectionPercent = maximumEjectionPercent
    }

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        problems.require(
            consecutiveFailures != 0,
            "consecutiveFailures",
            "must be at least 1; leave it out to switch it off"
        )
        problems.require(interval > .zero, "interval", "must be greater than 0")
        problems.require(baseEjectionTime > .zero, "baseEjectionTime", "must be greater than 0")
        problems.require(
            maximumEjectionPercent <= 100,
            "maximumEjectionPercent",
            "must be at most 100, is \(maximumEjectionPercent)"
        )
        try problems.throwIfAny()
    }
}
