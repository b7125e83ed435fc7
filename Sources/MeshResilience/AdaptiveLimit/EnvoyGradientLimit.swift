// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Envoy's gradient controller (`envoy.extensions.filters.http.adaptive_concurrency.v3`): compares a percentile of the
/// latencies now with the latency of an almost idle peer, which it measures by letting few calls through now and then.
///
/// Envoy's timers are looked at when a call ends: with no calls there is nothing to decide. A dropped call counts as at
/// least twice as slow as an idle peer, and never for the idle peer's latency: one that refuses at once looks fast to
/// Envoy's.
public struct EnvoyGradientLimit: LimitAlgorithm {
    /// Envoy's settings.
    public struct Configuration: Hashable, Sendable {
        /// The percentile of the latencies that stands for all, greater than 0, at most 1.
        ///
        /// Default 0.5: `sample_aggregate_percentile`.
        public var percentile: Double
        /// The greatest limit, at most 16777215. Default 1000: `max_concurrency_limit`.
        public var maximum: Int
        /// How often the limit is computed. Default 100 ms: `concurrency_update_interval` of Envoy's example; Envoy has no
        /// default.
        public var updateInterval: Nanoseconds
        /// How often the idle latency is measured. Default 60 s: `min_rtt_calc_params.interval` of Envoy's example.
        public var measureInterval: Nanoseconds
        /// How many calls measure the idle latency, from 1. Default 50: `request_count`.
        public var measureCalls: Int
        /// By what share of the interval a measurement is put off at most, so that hosts do not measure all at once, 0 to
        /// 1. Default 0.15: `jitter`.
        public var jitter: Double
        /// The limit while the idle latency is measured. Default 3: `min_concurrency`.
        public var measureLimit: Int
        /// The least limit; `nil`: the limit while the idle latency is measured. If it is set, a measurement leaves the
        /// limit as it is. Default `nil`: `min_concurrency_limit`.
        public var minimum: Int?
        /// The idle latency, if it is known: then it is never measured. Default `nil`: `fixed_value`.
        public var fixedIdle: Nanoseconds?
        /// By what share the latency may exceed the idle one without being noticed, from 0. Default 0.25: `buffer`.
        public var buffer: Double
        /// After so many windows in a row at the least limit the idle latency is measured anew: it must have been wrong.
        /// From 1. Default 5: Envoy's constant.
        public var windowsAtMinimum: Int

        /// Creates a configuration.
        public init(
            percentile: Double = 0.5,
            maximum: Int = 1000,
            updateInterval: Nanoseconds = .milliseconds(100),
            measureInterval: Nanoseconds = .seconds(60),
            measureCalls: Int = 50,
            jitter: Double = 0.15,
            measureLimit: Int = 3,
            minimum: Int? = nil,
            fixedIdle: Nanoseconds? = nil,
            buffer: Double = 0.25,
            windowsAtMinimum: Int = 5
        ) {
            self.percentile = percentile
            self.maximum = maximum
            self.updateInterval = updateInterval
            self.measureInterval = measureInterval
            self.measureCalls = measureCalls
            self.jitter = jitter
            self.measureLimit = measureLimit
            self.minimum = minimum
            self.fixedIdle = fixedIdle
            self.buffer = buffer
            self.windowsAtMinimum = windowsAtMinimum
        }

        var least: Int { minimum ?? measureLimit }

        var settings: [PolicySetting] {
            [
                PolicySetting(
                    "algorithm.percentile",
                    percentile,
                    default: 0.5,
                    from: "Envoy sample_aggregate_percentile"
                ),
                PolicySetting("algorithm.maximum", maximum, default: 1000, from: "Envoy max_concurrency_limit"),
                PolicySetting(
                    "algorithm.updateInterval",
                    updateInterval,
                    default: .milliseconds(100),
                    from: "Envoy's example"
                ),
                PolicySetting(
                    "algorithm.measureInterval",
                    measureInterval,
                    default: .seconds(60),
                    from: "Envoy's example"
                ),
                PolicySetting("algorithm.measureCalls", measureCalls, default: 50, from: "Envoy request_count"),
                PolicySetting("algorithm.jitter", jitter, default: 0.15, from: "Envoy jitter"),
                PolicySetting("algorithm.measureLimit", measureLimit, default: 3, from: "Envoy min_concurrency"),
                PolicySetting("algorithm.minimum", minimum, default: nil, from: "Envoy min_concurrency_limit"),
                PolicySetting("algorithm.fixedIdle", fixedIdle, default: nil, from: "Envoy fixed_value"),
                PolicySetting("algorithm.buffer", buffer, default: 0.25, from: "Envoy buffer"),
                PolicySetting("algorithm.windowsAtMinimum", windowsAtMinimum, default: 5, from: "Envoy"),
            ]
        }

        func validate() throws(ConfigurationError) {
            var problems = ProblemCollector()
            problems.requireLimits(minimum: least, initial: least, maximum: maximum)
            problems.require(
                measureLimit >= 1 && measureLimit <= maximum,
                "measureLimit",
                "must be from 1 to the maximum of \(maximum), is \(measureLimit)"
            )
            problems.require(fixedIdle != .zero, "fixedIdle", "must be greater than 0")
            problems.requireShare(percentile, "percentile")
            problems.require(updateInterval > .zero, "updateInterval", "must be greater than 0")
            problems.require(measureInterval > .zero, "measureInterval", "must be greater than 0")
            problems.require(measureCalls >= 1, "measureCalls", "must be at least 1, is \(measureCalls)")
            problems.require((0...1).contains(jitter), "jitter", "must be from 0 to 1, is \(jitter)")
            problems.require(buffer >= 0 && buffer.isFinite, "buffer", "must be at least 0 and finite, is \(buffer)")
            problems.require(windowsAtMinimum >= 1, "windowsAtMinimum", "must be at least 1, is \(windowsAtMinimum)")
            try problems.throwIfAny()
        }
    }

    private let configuration: Configuration
    /// The limit now.
    public private(set) var limit: Int
    /// Whether the idle latency is being measured.
    public private(set) var isMeasuring: Bool
    /// The limit to go back to after the measurement.
    private var deferredLimit: Int
    /// Calls that began before it belong to another limit and are not measured.
    private var epoch = MeshInstant(nanoseconds: 0)
    private var histogram = LatencyHistogram()
    /// The idle latency, in nanoseconds.
    private var idle: Double
    private var updatesAt: MeshInstant?
    private var measuresAt = MeshInstant(nanoseconds: .max)
    private var windowsAtMinimum = 0

    /// Starts at the least limit, measuring if there is something to measure.
    public init(_ configuration: Configuration = Configuration()) {
        self.configuration = configuration
        self.limit = configuration.least
        self.deferredLimit = configuration.least
        self.isMeasuring = configuration.fixedIdle == nil
        self.idle = Double(configuration.fixedIdle?.rawValue ?? 0)
    }

    /// A call has ended.
    public mutating func sampled(_ sample: LimitSample, using random: MeshRandom) -> Int {
        if !isMeasuring, configuration.fixedIdle == nil, sample.endedAt >= measuresAt {
            beginMeasuring(at: sample.endedAt)
        }
        guard sample.startedAt >= epoch, !(isMeasuring && sample.isDrop) else { return limit }
        let slow = Nanoseconds(rawValue: UInt64(min(2 * idle * (1 + configuration.buffer), 1e19)))
        histogram.add(sample.isDrop ? max(sample.rtt, slow) : sample.rtt)
        if isMeasuring {
            if histogram.count >= configuration.measureCalls { endMeasuring(at: sample.endedAt, using: random) }
        } else if let updatesAt {
            if sample.endedAt >= updatesAt { update(at: sample.endedAt) }
        } else {
            updatesAt = sample.endedAt.advanced(by: configuration.updateInterval)
        }
        return limit
    }

    private mutating func beginMeasuring(at now: MeshInstant) {
        isMeasuring = true
        deferredLimit = limit
        if configuration.minimum == nil { limit = configuration.measureLimit }
        windowsAtMinimum = 0
        epoch = now
        histogram.clear()
    }

    private mutating func endMeasuring(at now: MeshInstant, using random: MeshRandom) {
        idle = latencyOfWindow()
        isMeasuring = false
        limit = deferredLimit
        updatesAt = now.advanced(by: configuration.updateInterval)
        let share = configuration.jitter * random.unitInterval()
        let delay = min(Double(configuration.measureInterval.rawValue) * share, 9e18)
        measuresAt = now.advanced(by: configuration.measureInterval).advanced(by: Nanoseconds(rawValue: UInt64(delay)))
    }

    private mutating func update(at now: MeshInstant) {
        let gradient = max(0.5, min(2, idle * (1 + configuration.buffer) / latencyOfWindow()))
        let scaled = Double(limit) * gradient
        // The square root is room for bursts, and what lets a small limit grow at all.
        let wanted = min(scaled + scaled.squareRoot(), Double(configuration.maximum))
        let newLimit = max(configuration.least, Int(wanted))
        let staysAtMinimum = limit == configuration.least && newLimit == configuration.least
        limit = newLimit
        windowsAtMinimum = staysAtMinimum ? windowsAtMinimum + 1 : 0
        updatesAt = now.advanced(by: configuration.updateInterval)
        guard configuration.fixedIdle == nil else { return }
        if windowsAtMinimum >= configuration.windowsAtMinimum { beginMeasuring(at: now) }
    }

    private mutating func latencyOfWindow() -> Double {
        defer { histogram.clear() }
        return max(Double(histogram.quantile(configuration.percentile)?.rawValue ?? 1), 1)
    }
}
