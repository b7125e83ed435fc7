// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Compares the latency now with its long-term average: the limit follows the gradient between the two.
///
/// concurrency-limits' Gradient2 without two of its faults: the queue term is added at gradient 1 only, because below
/// it made the limit drift up under load (its pull request 134); a dropped call is a gradient of 0.5 and no latency,
/// because a peer whose every call runs into the same timeout looked healthy (its issue 137).
public struct Gradient2Limit: LimitAlgorithm {
    /// Its numbers.
    public struct Configuration: Hashable, Sendable {
        /// The limit at the start. Default 20: concurrency-limits.
        public var initial: Int
        /// The least limit. Default 20: concurrency-limits.
        public var minimum: Int
        /// The greatest limit, at most 16777215. Default 200: concurrency-limits.
        public var maximum: Int
        /// How much of a change is made at once, greater than 0, at most 1. Default 0.2: concurrency-limits.
        public var smoothing: Double
        /// What the limit may grow by while the latency is low, 0 to 16777215. Default 4: concurrency-limits.
        public var queue: Double
        /// How many samples the long-term average goes back, from 1. Default 600: concurrency-limits.
        public var longWindow: Int
        /// How many times the average the latency may be before the limit shrinks, from 1. Default 1.5:
        /// concurrency-limits.
        public var tolerance: Double

        /// Creates a configuration.
        public init(
            initial: Int = 20,
            minimum: Int = 20,
            maximum: Int = 200,
            smoothing: Double = 0.2,
            queue: Double = 4,
            longWindow: Int = 600,
            tolerance: Double = 1.5
        ) {
            self.initial = initial
            self.minimum = minimum
            self.maximum = maximum
            self.smoothing = smoothing
            self.queue = queue
            self.longWindow = longWindow
            self.tolerance = tolerance
        }

        var settings: [PolicySetting] {
            [
                PolicySetting("algorithm.initial", initial, default: 20, from: "concurrency-limits"),
                PolicySetting("algorithm.minimum", minimum, default: 20, from: "concurrency-limits"),
                PolicySetting("algorithm.maximum", maximum, default: 200, from: "concurrency-limits"),
                PolicySetting("algorithm.smoothing", smoothing, default: 0.2, from: "concurrency-limits"),
                PolicySetting("algorithm.queue", queue, default: 4, from: "concurrency-limits"),
                PolicySetting("algorithm.longWindow", longWindow, default: 600, from: "concurrency-limits"),
                PolicySetting("algorithm.tolerance", tolerance, default: 1.5, from: "concurrency-limits"),
            ]
        }

        func validate() throws(ConfigurationError) {
            var problems = ProblemCollector()
            problems.requireLimits(minimum: minimum, initial: initial, maximum: maximum)
            problems.requireShare(smoothing, "smoothing")
            problems.require(
                queue >= 0 && queue <= Double(LimitBounds.most),
                "queue",
                "must be from 0 to \(LimitBounds.most), is \(queue)"
            )
            problems.require(longWindow >= 1, "longWindow", "must be at least 1, is \(longWindow)")
            problems.require(
                tolerance >= 1 && tolerance.isFinite,
                "tolerance",
                "must be at least 1 and finite, is \(tolerance)"
            )
            try problems.throwIfAny()
        }
    }

    private let configuration: Configuration
    private var estimate: Double
    private var longRTT: MovingAverage

    /// Starts at the initial limit.
    public init(_ configuration: Configuration = Configuration()) {
        self.configuration = configuration
        self.estimate = Double(configuration.initial)
        self.longRTT = MovingAverage(window: configuration.longWindow, warmup: 10)
    }

    /// The limit now.
    public var limit: Int { Int(estimate) }

    /// A call has ended.
    public mutating func sampled(_ sample: LimitSample, using random: MeshRandom) -> Int {
        guard !sample.isDrop else {
            change(to: estimate * 0.5)
            return limit
        }
        let now = max(Double(sample.rtt.rawValue), 1)
        let average = longRTT.add(now)
        // After long overload the average is too high; it comes down faster than the window would let it.
        if average > now * 2 { longRTT.scale(by: 0.95) }
        guard Double(sample.inFlight) * 2 >= estimate else { return limit }
        let gradient = max(0.5, min(1, configuration.tolerance * average / now))
        change(to: estimate * gradient + (gradient >= 1 ? configuration.queue : 0))
        return limit
    }

    private mutating func change(to wanted: Double) {
        let smoothed = estimate + (wanted - estimate) * configuration.smoothing
        estimate = max(Double(configuration.minimum), min(Double(configuration.maximum), smoothed))
    }
}
