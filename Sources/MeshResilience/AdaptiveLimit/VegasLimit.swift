// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// TCP Vegas for calls: estimates the peer's queue from the shortest latency that was seen, and holds it between two
/// thresholds.
///
/// Unlike concurrency-limits' a dropped call always shrinks the limit and never counts as the shortest latency: a peer
/// that refuses at once would otherwise look fast.
public struct VegasLimit: LimitAlgorithm {
    /// A number of calls, fixed or growing with the limit.
    public enum Threshold: Hashable, Sendable {
        /// That many.
        case fixed(Double)
        /// That many for each power of ten in the limit.
        case logarithmic(Double)

        func value(at limit: Double) -> Double {
            switch self {
            case .fixed(let calls): calls
            case .logarithmic(let factor): factor * LimitArithmetic.logarithm(limit)
            }
        }
    }

    /// How the limit shrinks.
    public enum Decrease: Hashable, Sendable {
        /// By the decimal logarithm of the limit, at least 1.
        case logarithmic
        /// To that share of the limit.
        case factor(Double)
    }

    /// Its thresholds.
    public struct Configuration: Hashable, Sendable {
        /// The limit at the start. Default 20: concurrency-limits.
        public var initial: Int
        /// The least limit. Default 1: concurrency-limits.
        public var minimum: Int
        /// The greatest limit, at most 16777215. Default 1000: concurrency-limits.
        public var maximum: Int
        /// Below that queue the limit grows. Default 3 for each power of ten: concurrency-limits.
        public var alpha: Threshold
        /// Above that queue the limit shrinks. Default 6 for each power of ten: concurrency-limits.
        public var beta: Threshold
        /// How the limit shrinks. Default `logarithmic`: concurrency-limits.
        public var decrease: Decrease
        /// How much of a change is made at once, greater than 0, at most 1. Default 1: concurrency-limits.
        public var smoothing: Double
        /// The shortest latency is measured anew after that many calls for each call of the limit, times a random
        /// number from 0.5 to 1. Default 30: concurrency-limits.
        public var probeMultiplier: Double

        /// Creates a configuration.
        public init(
            initial: Int = 20,
            minimum: Int = 1,
            maximum: Int = 1000,
            alpha: Threshold = .logarithmic(3),
            beta: Threshold = .logarithmic(6),
            decrease: Decrease = .logarithmic,
            smoothing: Double = 1,
            probeMultiplier: Double = 30
        ) {
            self.initial = initial
            self.minimum = minimum
            self.maximum = maximum
            self.alpha = alpha
            self.beta = beta
            self.decrease = decrease
            self.smoothing = smoothing
            self.probeMultiplier = probeMultiplier
        }

        var settings: [PolicySetting] {
            [
                PolicySetting("algorithm.initial", initial, default: 20, from: "concurrency-limits"),
                PolicySetting("algorithm.minimum", minimum, default: 1, from: "concurrency-limits"),
                PolicySetting("algorithm.maximum", maximum, default: 1000, from: "concurrency-limits"),
                PolicySetting("algorithm.alpha", alpha, default: .logarithmic(3), from: "concurrency-limits"),
                PolicySetting("algorithm.beta", beta, default: .logarithmic(6), from: "concurrency-limits"),
                PolicySetting("algorithm.decrease", decrease, default: .logarithmic, from: "concurrency-limits"),
                PolicySetting("algorithm.smoothing", smoothing, default: 1, from: "concurrency-limits"),
                PolicySetting("algorithm.probeMultiplier", probeMultiplier, default: 30, from: "concurrency-limits"),
            ]
        }

        func validate() throws(ConfigurationError) {
            var problems = ProblemCollector()
            problems.requireLimits(minimum: minimum, initial: initial, maximum: maximum)
            for (path, threshold) in [("alpha", alpha), ("beta", beta)] {
                let calls = threshold.value(at: 1)
                problems.require(calls > 0 && calls < 1e6, path, "must be greater than 0 and less than 1000000")
            }
            let order = alpha.value(at: Double(initial)) <= beta.value(at: Double(initial))
            problems.require(order, "beta", "must not be less than alpha")
            if case .factor(let factor) = decrease {
                problems.require(factor > 0 && factor < 1, "decrease", "must be between 0 and 1, is \(factor)")
            }
            problems.requireShare(smoothing, "smoothing")
            problems.require(
                probeMultiplier > 0 && probeMultiplier.isFinite,
                "probeMultiplier",
                "must be greater than 0 and finite, is \(probeMultiplier)"
            )
            try problems.throwIfAny()
        }
    }

    private let configuration: Configuration
    private var estimate: Double
    /// The shortest latency since the last probe, in nanoseconds; `nil` before the first call.
    private var unloaded: Double?
    private var callsSinceProbe = 0.0
    private var probeJitter: Double?

    /// Starts at the initial limit.
    public init(_ configuration: Configuration = Configuration()) {
        self.configuration = configuration
        self.estimate = Double(configuration.initial)
    }

    /// The limit now.
    public var limit: Int { Int(estimate) }

    /// A call has ended.
    public mutating func sampled(_ sample: LimitSample, using random: MeshRandom) -> Int {
        guard !sample.isDrop else {
            change(to: decreased)
            return limit
        }
        let rtt = max(Double(sample.rtt.rawValue), 1)
        let jitter = probeJitter ?? 0.5 + random.unitInterval() / 2
        probeJitter = jitter
        callsSinceProbe += 1
        if callsSinceProbe >= jitter * configuration.probeMultiplier * estimate {
            probeJitter = nil
            callsSinceProbe = 0
            unloaded = rtt
            return limit
        }
        guard let unloaded, rtt >= unloaded else {
            self.unloaded = rtt
            return limit
        }
        // A limit that nobody reaches says nothing about the peer.
        guard Double(sample.inFlight) * 2 >= estimate else { return limit }
        let queue = LimitArithmetic.queue(estimate, unloaded: unloaded, loaded: rtt)
        let step = LimitArithmetic.logarithm(estimate)
        if queue <= step {
            change(to: estimate + configuration.beta.value(at: estimate))
        } else if queue < configuration.alpha.value(at: estimate) {
            change(to: estimate + step)
        } else if queue > configuration.beta.value(at: estimate) {
            change(to: decreased)
        }
        return limit
    }

    private var decreased: Double {
        switch configuration.decrease {
        case .logarithmic: estimate - LimitArithmetic.logarithm(estimate)
        case .factor(let factor): estimate * factor
        }
    }

    private mutating func change(to wanted: Double) {
        let bounded = max(Double(configuration.minimum), min(Double(configuration.maximum), wanted))
        estimate += (bounded - estimate) * configuration.smoothing
    }
}
