// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Additive increase, multiplicative decrease: a step up while calls succeed, a share down for each that is dropped.
///
/// Two dialects of one algorithm: concurrency-limits grows by one a call while at least half the limit is used;
/// ServiceTalk grows at most once in a cool-down, however much of the limit is used.
public struct AIMDLimit: LimitAlgorithm {
    /// How fast it grows and shrinks.
    public struct Configuration: Hashable, Sendable {
        /// The limit at the start. Default 20: concurrency-limits.
        public var initial: Int
        /// The least limit. Default 20: concurrency-limits.
        public var minimum: Int
        /// The greatest limit, at most 16777215. Default 200: concurrency-limits.
        public var maximum: Int
        /// What a success adds, greater than 0. Default 1: both.
        public var increment: Double
        /// What a drop leaves of the limit, greater than 0 and less than 1. Default 0.9: concurrency-limits.
        public var backoff: Double
        /// What a drop leaves of the limit when it is at its maximum. Default 0.9: concurrency-limits knows no other.
        public var backoffAtMaximum: Double
        /// A call that takes longer is a drop. Default 5 s: concurrency-limits.
        public var timeout: Nanoseconds
        /// Whether it grows only while at least half of the limit is used. Default `true`: concurrency-limits.
        public var growsOnlyWhenUsed: Bool
        /// The least time between two increases; it holds no decrease back. Default 0: concurrency-limits.
        public var cooldown: Nanoseconds

        /// Creates a configuration in concurrency-limits' dialect.
        public init(
            initial: Int = 20,
            minimum: Int = 20,
            maximum: Int = 200,
            increment: Double = 1,
            backoff: Double = 0.9,
            backoffAtMaximum: Double? = nil,
            timeout: Nanoseconds = .seconds(5),
            growsOnlyWhenUsed: Bool = true,
            cooldown: Nanoseconds = .zero
        ) {
            self.initial = initial
            self.minimum = minimum
            self.maximum = maximum
            self.increment = increment
            self.backoff = backoff
            self.backoffAtMaximum = backoffAtMaximum ?? backoff
            self.timeout = timeout
            self.growsOnlyWhenUsed = growsOnlyWhenUsed
            self.cooldown = cooldown
        }

        /// ServiceTalk's dialect: from 50, from 1 to as many as there can be, plus one at most every 100 ms, four fifths
        /// on a drop, half at the maximum.
        public static let serviceTalk = Configuration(
            initial: 50,
            minimum: 1,
            maximum: LimitBounds.most,
            backoff: 0.8,
            backoffAtMaximum: 0.5,
            timeout: .forever,
            growsOnlyWhenUsed: false,
            cooldown: .milliseconds(100)
        )

        var settings: [PolicySetting] {
            [
                PolicySetting("algorithm.initial", initial, default: 20, from: "concurrency-limits"),
                PolicySetting("algorithm.minimum", minimum, default: 20, from: "concurrency-limits"),
                PolicySetting("algorithm.maximum", maximum, default: 200, from: "concurrency-limits"),
                PolicySetting("algorithm.increment", increment, default: 1, from: "concurrency-limits"),
                PolicySetting("algorithm.backoff", backoff, default: 0.9, from: "concurrency-limits"),
                PolicySetting("algorithm.backoffAtMaximum", backoffAtMaximum, default: 0.9, from: "concurrency-limits"),
                PolicySetting("algorithm.timeout", timeout, default: .seconds(5), from: "concurrency-limits"),
                PolicySetting(
                    "algorithm.growsOnlyWhenUsed",
                    growsOnlyWhenUsed,
                    default: true,
                    from: "concurrency-limits"
                ),
                PolicySetting("algorithm.cooldown", cooldown, default: .zero, from: "concurrency-limits"),
            ]
        }

        func validate() throws(ConfigurationError) {
            var problems = ProblemCollector()
            problems.requireLimits(minimum: minimum, initial: initial, maximum: maximum)
            problems.require(
                increment > 0 && increment <= Double(LimitBounds.most),
                "increment",
                "must be greater than 0 and finite, is \(increment)"
            )
            problems.require(backoff > 0 && backoff < 1, "backoff", "must be between 0 and 1, is \(backoff)")
            problems.require(
                backoffAtMaximum > 0 && backoffAtMaximum < 1,
                "backoffAtMaximum",
                "must be between 0 and 1, is \(backoffAtMaximum)"
            )
            problems.require(timeout > .zero, "timeout", "must be greater than 0")
            try problems.throwIfAny()
        }
    }

    private let configuration: Configuration
    private var estimate: Double
    private var increasedAt: MeshInstant?

    /// Starts at the initial limit.
    public init(_ configuration: Configuration = Configuration()) {
        self.configuration = configuration
        self.estimate = Double(configuration.initial)
    }

    /// The limit now.
    public var limit: Int { Int(estimate) }

    /// A call has ended.
    public mutating func sampled(_ sample: LimitSample, using random: MeshRandom) -> Int {
        let most = Double(configuration.maximum)
        if sample.isDrop || sample.rtt > configuration.timeout {
            let backoff = estimate >= most ? configuration.backoffAtMaximum : configuration.backoff
            // Whole calls only, as both dialects have it: a fraction would put the decrease off to the next drop.
            estimate = max(Double(configuration.minimum), (estimate * backoff).rounded(.towardZero))
        } else if mayGrow(sample) {
            estimate = min(most, estimate + configuration.increment)
            increasedAt = sample.endedAt
        }
        return limit
    }

    private func mayGrow(_ sample: LimitSample) -> Bool {
        if configuration.growsOnlyWhenUsed, Double(sample.inFlight) * 2 < Double(limit) { return false }
        guard let increasedAt else { return true }
        return sample.endedAt.elapsed(since: increasedAt) >= configuration.cooldown
    }
}
