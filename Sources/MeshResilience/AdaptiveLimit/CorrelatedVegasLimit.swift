// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// failsafe-go's limiter: Vegas over a smoothed high percentile and a slowly moving baseline, held back when more calls
/// under way bring no more throughput.
///
/// The limit moves by one power of ten's worth a window and never far above what is used. It has windows of its own.
public struct CorrelatedVegasLimit: LimitAlgorithm {
    /// failsafe-go's settings.
    public struct Configuration: Hashable, Sendable {
        /// The limit at the start. Default 20: failsafe-go.
        public var initial: Int
        /// The least limit. Default 1: failsafe-go.
        public var minimum: Int
        /// The greatest limit, at most 16777215. Default 200: failsafe-go.
        public var maximum: Int
        /// How many times the calls under way the limit may be, from 1. Default 5: failsafe-go.
        public var maximumFactor: Double
        /// The least length of a window. Default 1 s: failsafe-go.
        public var leastWindow: Nanoseconds
        /// The greatest length of a window; in between it is twice the shortest latency. Default 30 s: failsafe-go.
        public var greatestWindow: Nanoseconds
        /// The least number of calls in a window, from 1. Default 50: failsafe-go.
        public var leastSamples: Int
        /// The percentile that stands for a window, greater than 0, at most 1. Default 0.9: failsafe-go.
        public var percentile: Double
        /// How many windows the baseline goes back, from 1. Default 10: failsafe-go.
        public var baselineAge: Int
        /// Over how many windows correlations are computed, from 2. Default 50: failsafe-go.
        public var correlationWindow: Int

        /// Creates a configuration.
        public init(
            initial: Int = 20,
            minimum: Int = 1,
            maximum: Int = 200,
            maximumFactor: Double = 5,
            leastWindow: Nanoseconds = .seconds(1),
            greatestWindow: Nanoseconds = .seconds(30),
            leastSamples: Int = 50,
            percentile: Double = 0.9,
            baselineAge: Int = 10,
            correlationWindow: Int = 50
        ) {
            self.initial = initial
            self.minimum = minimum
            self.maximum = maximum
            self.maximumFactor = maximumFactor
            self.leastWindow = leastWindow
            self.greatestWindow = greatestWindow
            self.leastSamples = leastSamples
            self.percentile = percentile
            self.baselineAge = baselineAge
            self.correlationWindow = correlationWindow
        }

        var settings: [PolicySetting] {
            [
                PolicySetting("algorithm.initial", initial, default: 20, from: "failsafe-go"),
                PolicySetting("algorithm.minimum", minimum, default: 1, from: "failsafe-go"),
                PolicySetting("algorithm.maximum", maximum, default: 200, from: "failsafe-go"),
                PolicySetting("algorithm.maximumFactor", maximumFactor, default: 5, from: "failsafe-go"),
                PolicySetting("algorithm.leastWindow", leastWindow, default: .seconds(1), from: "failsafe-go"),
                PolicySetting("algorithm.greatestWindow", greatestWindow, default: .seconds(30), from: "failsafe-go"),
                PolicySetting("algorithm.leastSamples", leastSamples, default: 50, from: "failsafe-go"),
                PolicySetting("algorithm.percentile", percentile, default: 0.9, from: "failsafe-go"),
                PolicySetting("algorithm.baselineAge", baselineAge, default: 10, from: "failsafe-go"),
                PolicySetting("algorithm.correlationWindow", correlationWindow, default: 50, from: "failsafe-go"),
            ]
        }

        func validate() throws(ConfigurationError) {
            var problems = ProblemCollector()
            problems.requireLimits(minimum: minimum, initial: initial, maximum: maximum)
            problems.require(
                maximumFactor >= 1 && maximumFactor.isFinite,
                "maximumFactor",
                "must be at least 1 and finite, is \(maximumFactor)"
            )
            problems.require(leastWindow > .zero, "leastWindow", "must be greater than 0")
            problems.require(greatestWindow >= leastWindow, "greatestWindow", "must not be less than the least window")
            problems.require(leastSamples >= 1, "leastSamples", "must be at least 1, is \(leastSamples)")
            problems.requireShare(percentile, "percentile")
            problems.require(baselineAge >= 1, "baselineAge", "must be at least 1, is \(baselineAge)")
            problems.require(
                (2...10_000).contains(correlationWindow),
                "correlationWindow",
                "must be from 2 to 10000, is \(correlationWindow)"
            )
            try problems.throwIfAny()
        }
    }

    private static let warmup = 10

    private let configuration: Configuration
    private var estimate: Double
    private var histogram = LatencyHistogram()
    private var shortest = UInt64.max
    private var mostInFlight = 0
    private var drops = 0
    private var updatesAt = MeshInstant(nanoseconds: 0)
    private var median = MedianFilter()
    private var recent: MovingAverage
    private var baseline: MovingAverage
    private var throughputCorrelation: CorrelationWindow
    private var rttCorrelation: CorrelationWindow

    /// Starts at the initial limit.
    /// - Parameter baseline: The latency of a peer that is not overloaded, if it is known.
    public init(_ configuration: Configuration = Configuration(), baseline known: Nanoseconds? = nil) {
        self.configuration = configuration
        self.estimate = Double(configuration.initial)
        self.recent = MovingAverage(window: 5, warmup: Self.warmup)
        self.baseline = MovingAverage(window: configuration.baselineAge, warmup: Self.warmup)
        self.throughputCorrelation = CorrelationWindow(capacity: configuration.correlationWindow, warmup: Self.warmup)
        self.rttCorrelation = CorrelationWindow(capacity: configuration.correlationWindow, warmup: Self.warmup)
        if let known {
            for _ in 0..<Self.warmup { _ = baseline.add(Double(known.rawValue)) }
        }
    }

    /// The limit now.
    public var limit: Int { Int(estimate) }

    /// A call has ended. A dropped one is no latency; its window shrinks the limit.
    public mutating func sampled(_ sample: LimitSample, using random: MeshRandom) -> Int {
        mostInFlight = max(mostInFlight, sample.inFlight)
        if sample.isDrop {
            drops += 1
        } else {
            histogram.add(sample.rtt)
            shortest = min(shortest, sample.rtt.rawValue)
        }
        guard sample.endedAt > updatesAt, histogram.count + drops >= configuration.leastSamples else { return limit }
        if let percentile = histogram.quantile(configuration.percentile) {
            update(recent: recent.add(median.add(max(Double(percentile.rawValue), 1))))
        } else {
            change(to: estimate - LimitArithmetic.logarithm(estimate))
        }
        let (twice, overflow) = shortest.multipliedReportingOverflow(by: 2)
        let wanted = histogram.count == 0 ? .zero : Nanoseconds(rawValue: overflow ? .max : twice)
        let length = min(max(wanted, configuration.leastWindow), configuration.greatestWindow)
        updatesAt = sample.endedAt.advanced(by: length)
        histogram.clear()
        (shortest, mostInFlight, drops) = (.max, 0, 0)
        return limit
    }

    private mutating func update(recent: Double) {
        let queue = LimitArithmetic.queue(estimate, unloaded: baseline.add(recent), loaded: recent)
        let inFlight = Double(mostInFlight)
        let throughput = throughputCorrelation.add(inFlight, inFlight * 1e9 / recent)
        let latency = rttCorrelation.add(inFlight, recent)
        let isFull = mostInFlight >= limit
        let step = LimitArithmetic.logarithm(estimate)
        // More calls under way and longer latencies without more throughput: the peer is at its end, though its queue
        // does not show it yet, because the baseline has followed.
        let isSaturated =
            isFull
            && (throughput.correlation < 0
                || latency.correlation > 0.5 && (throughput.correlation < 0.3 || throughput.variationOfSecond < 0.2))
        var wanted = estimate
        if drops > 0 || queue > 6 * step || isSaturated {
            wanted -= step
        } else if queue < 3 * step {
            wanted += step
        }
        if wanted > inFlight * configuration.maximumFactor { wanted = estimate - step }
        change(to: wanted)
    }

    private mutating func change(to wanted: Double) {
        estimate = max(Double(configuration.minimum), min(Double(configuration.maximum), wanted))
    }
}
