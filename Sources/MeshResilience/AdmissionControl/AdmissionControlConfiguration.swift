// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// How admission control learns that a peer fails, and how many calls it then refuses.
public struct AdmissionControlConfiguration: PolicyConfiguration {
    /// How the share of refusals follows from outcomes.
    public enum Algorithm: Hashable, Sendable {
        /// From the calls and successes of a window: `max(0, (n − s / threshold) / (n + 1)) ^ (1 / aggression)`.
        case successRate(SuccessRate)
        /// From a moving average of the share of calls that were accepted: `1 − accepted / (1 − threshold)`, and
        /// nothing above the threshold.
        case nack(Nack)
    }

    /// Envoy's formula, which is Google's client-side throttling with other names.
    public struct SuccessRate: Hashable, Sendable {
        /// The share of successes below which calls are refused, above 0 and at most 1. Google's `K` is its inverse.
        ///
        /// Default 0.95: `sr_threshold`.
        public var threshold: Double
        /// How much steeper than linear the share of refusals rises, 1 (linear) to 1000.
        ///
        /// Default 1: `aggression`.
        public var aggression: Double
        /// The window, 1 s to 1 h.
        ///
        /// Default 30 s: `sampling_window`.
        public var window: Nanoseconds
        /// In how many parts the window is forgotten, 1 to 3600.
        ///
        /// Default 30, one for each second: Envoy.
        public var buckets: Int
        /// The calls a second below which nothing is refused, 0 to 1000000.
        ///
        /// Default 0: `rps_threshold`.
        public var minimumRate: Double
        /// Whether a refusal counts as a call that failed, so that the share of refusals goes on rising while it lasts.
        ///
        /// Default `false`: Envoy and failsafe-go count what was sent. Google's formula counts what was asked for.
        public var countsRefusals: Bool

        /// Creates the settings.
        public init(
            threshold: Double = 0.95,
            aggression: Double = 1,
            window: Nanoseconds = .seconds(30),
            buckets: Int = 30,
            minimumRate: Double = 0,
            countsRefusals: Bool = false
        ) {
            self.threshold = threshold
            self.aggression = aggression
            self.window = window
            self.buckets = buckets
            self.minimumRate = minimumRate
            self.countsRefusals = countsRefusals
        }
    }

    /// Finagle's `NackAdmissionFilter`.
    public struct Nack: Hashable, Sendable {
        /// The share of refusals by the peer from which on calls are refused here, above 0 and below 1.
        ///
        /// Default 0.5: Finagle's `nackRateThreshold`.
        public var threshold: Double
        /// Over which time the average forgets, 1 ms to 1 h.
        ///
        /// Default 2 min: Finagle's `window`.
        public var window: Nanoseconds
        /// The calls of the last second below which every answer counts as accepted, 0 to 1000000.
        ///
        /// Default 5: Finagle's `rpsThreshold`.
        public var minimumRate: Int

        /// Creates the settings.
        public init(threshold: Double = 0.5, window: Nanoseconds = .seconds(120), minimumRate: Int = 5) {
            self.threshold = threshold
            self.window = window
            self.minimumRate = minimumRate
        }
    }

    /// How the share of refusals follows from outcomes.
    ///
    /// Default: Envoy's.
    public var algorithm: Algorithm
    /// The largest share of calls that is refused, 0 to 1. What is left of the calls finds out when the peer recovers.
    ///
    /// Default 0.8: `max_rejection_probability`.
    public var maximumRefusal: Double
    /// What counts as a success.
    ///
    /// Default: Envoy's.
    public var criteria: AdmissionCriteria
    /// Whether it acts.
    ///
    /// Default `enforce`.
    public var mode: PolicyMode
    /// The keys by which the runtime says other things. Default: none.
    public var runtimeKeys: AdmissionRuntimeKeys

    /// Creates a configuration.
    public init(
        algorithm: Algorithm = .successRate(SuccessRate()),
        maximumRefusal: Double = 0.8,
        criteria: AdmissionCriteria = .envoy,
        mode: PolicyMode = .enforce,
        runtimeKeys: AdmissionRuntimeKeys = .none
    ) {
        self.algorithm = algorithm
        self.maximumRefusal = maximumRefusal
        self.criteria = criteria
        self.mode = mode
        self.runtimeKeys = runtimeKeys
    }

    /// Envoy's admission control filter: threshold 95%, window 30 s by second, at most 80% refused.
    public static let envoy = AdmissionControlConfiguration()

    /// Finagle's nack admission filter: threshold 50%, average over 2 min, from 5 calls a second, at most 75% refused.
    public static let finagle = AdmissionControlConfiguration(
        algorithm: .nack(Nack()),
        maximumRefusal: 0.75,
        criteria: .nack
    )

    /// failsafe-go's adaptive throttler: threshold 90%, window 1 min in 20 parts, at most 90% refused.
    public static let failsafe = AdmissionControlConfiguration(
        algorithm: .successRate(SuccessRate(threshold: 0.9, window: .seconds(60), buckets: 20)),
        maximumRefusal: 0.9
    )

    /// Client-side throttling of Google's SRE book (chapter 21): `(requests − K · accepts) / (requests + 1)` with
    /// K = 2 over 2 min, refusals counted as requests.
    ///
    /// The book names no largest share. Here it is 0.99, so that a peer that refused everything is still asked.
    public static let googleSRE = AdmissionControlConfiguration(
        algorithm: .successRate(
            SuccessRate(threshold: 0.5, window: .seconds(120), buckets: 120, countsRefusals: true)
        ),
        maximumRefusal: 0.99,
        criteria: .nack
    )

    /// Admission control.
    public static var kind: PolicyKind { .admissionControl }

    /// Every value in force.
    public var settings: [PolicySetting] {
        let envoy = "Envoy admission_control"
        var settings: [PolicySetting]
        switch algorithm {
        case .successRate(let rate):
            settings = [
                PolicySetting("algorithm", "success_rate", default: "success_rate", from: envoy),
                PolicySetting("threshold", rate.threshold, default: 0.95, from: "\(envoy) sr_threshold"),
                PolicySetting("aggression", rate.aggression, default: 1, from: "\(envoy) aggression"),
                PolicySetting("window", rate.window, default: .seconds(30), from: "\(envoy) sampling_window"),
                PolicySetting("buckets", rate.buckets, default: 30, from: envoy),
                PolicySetting("minimumRate", rate.minimumRate, default: 0, from: "\(envoy) rps_threshold"),
                PolicySetting("countsRefusals", rate.countsRefusals, default: false, from: envoy),
            ]
        case .nack(let nack):
            let finagle = "Finagle NackAdmissionFilter"
            settings = [
                PolicySetting("algorithm", "nack", default: "success_rate", from: envoy),
                PolicySetting("threshold", nack.threshold, default: 0.5, from: finagle),
                PolicySetting("window", nack.window, default: .seconds(120), from: finagle),
                PolicySetting("minimumRate", nack.minimumRate, default: 5, from: finagle),
            ]
        }
        settings += [
            PolicySetting("maximumRefusal", maximumRefusal, default: 0.8, from: "\(envoy) max_rejection_probability"),
            PolicySetting(
                "httpSuccess",
                criteria.httpSuccess,
                default: AdmissionCriteria.envoy.httpSuccess,
                from: envoy
            ),
            PolicySetting(
                "grpcSuccess",
                criteria.grpcSuccess.sorted(),
                default: AdmissionCriteria.envoy.grpcSuccess.sorted(),
                from: envoy
            ),
            PolicySetting("unanswered", "\(criteria.unanswered)", default: "failure", from: envoy),
            PolicySetting("mode", mode.rawValue, default: "enforce", from: "every policy"),
        ]
        return settings
    }

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        switch algorithm {
        case .successRate(let rate): rate.validate(&problems)
        case .nack(let nack): nack.validate(&problems)
        }
        problems.require(
            (0...1).contains(maximumRefusal),
            "maximumRefusal",
            "must be from 0 to 1, is \(maximumRefusal)"
        )
        criteria.validate(&problems)
        try problems.throwIfAny()
    }
}

extension AdmissionControlConfiguration.SuccessRate {
    fileprivate func validate(_ problems: inout ProblemCollector) {
        problems.require(
            threshold > 0 && threshold <= 1,
            "algorithm.threshold",
            "must be above 0 and at most 1, is \(threshold)"
        )
        problems.require(
            (1...1_000).contains(aggression),
            "algorithm.aggression",
            "must be from 1 to 1000, is \(aggression)"
        )
        problems.require(
            window >= .seconds(1) && window <= .seconds(3_600),
            "algorithm.window",
            "must be from 1 s to 1 h"
        )
        problems.require((1...3_600).contains(buckets), "algorithm.buckets", "must be from 1 to 3600, is \(buckets)")
        problems.require(
            (0...1_000_000).contains(minimumRate),
            "algorithm.minimumRate",
            "must be from 0 to 1000000, is \(minimumRate)"
        )
    }
}

extension AdmissionControlConfiguration.Nack {
    fileprivate func validate(_ problems: inout ProblemCollector) {
        problems.require(
            threshold > 0 && threshold < 1,
            "algorithm.threshold",
            "must be above 0 and below 1, is \(threshold)"
        )
        problems.require(
            window >= .milliseconds(1) && window <= .seconds(3_600),
            "algorithm.window",
            "must be from 1 ms to 1 h"
        )
        problems.require(
            (0...1_000_000).contains(minimumRate),
            "algorithm.minimumRate",
            "must be from 0 to 1000000, is \(minimumRate)"
        )
    }
}
