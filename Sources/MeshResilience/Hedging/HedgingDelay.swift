// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// How long an attempt may take before another is begun beside it.
public enum HedgingDelay: Hashable, Sendable, CustomStringConvertible {
    /// Always the same time; zero begins every attempt at once.
    case fixed(Nanoseconds)
    /// A percentile of the latencies that were seen; no attempt is begun beside another until there are enough of them.
    case percentile(HedgingPercentile)
    /// Never: the next attempt begins when the one before has failed (Polly's delay of -1 ms).
    case afterFailure

    /// In words.
    public var description: String {
        switch self {
        case .fixed(let delay): "\(delay.duration)"
        case .percentile(let percentile): "percentile \(percentile.percentile)"
        case .afterFailure: "after failure"
        }
    }
}

/// Which percentile of the latencies an attempt may take, and how they are kept.
public struct HedgingPercentile: Hashable, Sendable {
    /// The share of calls that are not hedged, greater than 0 and below 1: 0.99 hedges about one call in a hundred.
    ///
    /// Default 0.99: what Finagle's documentation of `idempotent(maxExtraLoad = 1%)` amounts to.
    public var percentile: Double
    /// The shortest delay, at least 1 ms, which is what a timer can tell apart.
    ///
    /// Default 1 ms: Finagle's `MinSendBackupAfterMs`.
    public var minimumDelay: Nanoseconds
    /// The longest latency that is told from longer ones, from `minimumDelay` to 1 h. Above it nothing is hedged.
    ///
    /// Default 2 s: Finagle's `WindowedPercentileHistogram.DefaultHighestTrackableValue`.
    public var highestTrackable: Nanoseconds
    /// How many calls must have been seen, 1 to 1 000 000.
    ///
    /// Default 20: Hystrix's `requestVolumeThreshold`; Tower's `min_data_points` has no default.
    public var minimumCalls: Int
    /// How many slices of time are looked back on, 2 to 60.
    ///
    /// Default 3: Finagle's `DefaultNumBuckets`. Tower rotates 2.
    public var slices: Int
    /// The length of a slice, 100 ms to 10 min.
    ///
    /// Default 10 s: Finagle's `DefaultBucketSize`.
    public var sliceDuration: Nanoseconds
    /// How often the delay is computed again, 1 ms to 10 min.
    ///
    /// Default 3 s: Finagle's `RefreshPercentileInterval`.
    public var refreshInterval: Nanoseconds

    /// Creates a percentile.
    public init(
        _ percentile: Double = 0.99,
        minimumDelay: Nanoseconds = .milliseconds(1),
        highestTrackable: Nanoseconds = .seconds(2),
        minimumCalls: Int = 20,
        slices: Int = 3,
        sliceDuration: Nanoseconds = .seconds(10),
        refreshInterval: Nanoseconds = .seconds(3)
    ) {
        self.percentile = percentile
        self.minimumDelay = minimumDelay
        self.highestTrackable = highestTrackable
        self.minimumCalls = minimumCalls
        self.slices = slices
        self.sliceDuration = sliceDuration
        self.refreshInterval = refreshInterval
    }

    /// Creates the percentile beyond which lies that share of the calls (Finagle's `maxExtraLoad`).
    /// - Parameter load: The share, greater than 0 and below 1: 0.01 is the 99th percentile.
    public init(maximumExtraLoad load: Double) {
        self.init(1 - load)
    }

    func note(_ problems: inout ProblemCollector) {
        problems.require(
            percentile > 0 && percentile < 1,
            "percentile",
            "must be greater than 0 and below 1, is \(percentile)"
        )
        problems.require(minimumDelay >= .milliseconds(1), "minimumDelay", "must be at least 1 ms")
        problems.require(
            highestTrackable >= minimumDelay && highestTrackable <= .seconds(3600),
            "highestTrackable",
            "must be from minimumDelay to 1 h"
        )
        problems.require(
            (1...1_000_000).contains(minimumCalls),
            "minimumCalls",
            "must be from 1 to 1000000, is \(minimumCalls)"
        )
        problems.require((2...60).contains(slices), "slices", "must be from 2 to 60, is \(slices)")
        problems.require(
            sliceDuration >= .milliseconds(100) && sliceDuration <= .seconds(600),
            "sliceDuration",
            "must be from 100 ms to 10 min"
        )
        problems.require(
            refreshInterval >= .milliseconds(1) && refreshInterval <= .seconds(600),
            "refreshInterval",
            "must be from 1 ms to 10 min"
        )
    }
}
