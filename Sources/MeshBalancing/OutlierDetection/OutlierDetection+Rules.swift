// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

extension OutlierDetection {
    /// Failures in a row.
    public struct Streak: Hashable, Sendable, ExpressibleByIntegerLiteral {
        /// How many; at least 1.
        public var threshold: UInt32
        /// In how many of a hundred cases the endpoint is ejected; in the others that is only told. 0 to 100.
        public var enforcing: UInt32

        /// Creates a rule.
        /// - Parameter enforcing: Default: always.
        public init(_ threshold: UInt32, enforcing: UInt32 = 100) {
            self.threshold = threshold
            self.enforcing = enforcing
        }

        /// So many, always enforced.
        public init(integerLiteral value: UInt32) {
            self.init(value)
        }
    }

    /// An endpoint is ejected whose share of successes is below the mean of all by so many standard deviations.
    public struct SuccessRate: Hashable, Sendable {
        /// How many endpoints must have had enough requests. Default 5: Envoy's `success_rate_minimum_hosts`.
        public var minimumEndpoints: UInt32
        /// How many requests in an interval are enough. Default 100: Envoy's `success_rate_request_volume`.
        public var requestVolume: UInt32
        /// How many standard deviations, in thousandths. Default 1900: Envoy's `success_rate_stdev_factor`.
        public var standardDeviationFactor: UInt32
        /// In how many of a hundred cases the endpoint is ejected. Default 100: Envoy's `enforcing_success_rate`.
        public var enforcing: UInt32
        /// The same where failures without an answer are counted apart. Default 100: Envoy's
        /// `enforcing_local_origin_success_rate`.
        public var enforcingLocalOrigin: UInt32

        /// Creates a rule.
        public init(
            minimumEndpoints: UInt32 = 5,
            requestVolume: UInt32 = 100,
            standardDeviationFactor: UInt32 = 1900,
            enforcing: UInt32 = 100,
            enforcingLocalOrigin: UInt32 = 100
        ) {
            self.minimumEndpoints = minimumEndpoints
            self.requestVolume = requestVolume
            self.standardDeviationFactor = standardDeviationFactor
            self.enforcing = enforcing
            self.enforcingLocalOrigin = enforcingLocalOrigin
        }
    }

    /// An endpoint is ejected that fails in so many of a hundred requests.
    public struct FailurePercentage: Hashable, Sendable {
        /// In how many: at least, and more than that in gRPC's mode. Default 85: Envoy's `failure_percentage_threshold`.
        public var threshold: UInt32
        /// How many endpoints must have had enough requests. Default 5: Envoy's `failure_percentage_minimum_hosts`.
        public var minimumEndpoints: UInt32
        /// How many requests in an interval are enough. Default 50: Envoy's `failure_percentage_request_volume`.
        public var requestVolume: UInt32
        /// In how many of a hundred cases the endpoint is ejected. Default 0: Envoy's `enforcing_failure_percentage`.
        public var enforcing: UInt32
        /// The same where failures without an answer are counted apart. Default 0: Envoy's
        /// `enforcing_failure_percentage_local_origin`.
        public var enforcingLocalOrigin: UInt32

        /// Creates a rule.
        public init(
            threshold: UInt32 = 85,
            minimumEndpoints: UInt32 = 5,
            requestVolume: UInt32 = 50,
            enforcing: UInt32 = 0,
            enforcingLocalOrigin: UInt32 = 0
        ) {
            self.threshold = threshold
            self.minimumEndpoints = minimumEndpoints
            self.requestVolume = requestVolume
            self.enforcing = enforcing
            self.enforcingLocalOrigin = enforcingLocalOrigin
        }
    }

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        let streaks = [
            ("consecutiveFailures", consecutiveFailures), ("consecutiveGatewayFailures", consecutiveGatewayFailures),
            ("consecutiveLocalOriginFailures", consecutiveLocalOriginFailures),
        ]
        for case (let name, let streak?) in streaks {
            problems.require(streak.threshold != 0, name, "must be at least 1; leave it out to switch it off")
        }
        var percentages = [("maximumEjectionPercent", maximumEjectionPercent)]
        percentages += streaks.compactMap { name, streak in streak.map { ("\(name).enforcing", $0.enforcing) } }
        if let successRate {
            percentages.append(("successRate.enforcing", successRate.enforcing))
            percentages.append(("successRate.enforcingLocalOrigin", successRate.enforcingLocalOrigin))
        }
        if let failurePercentage {
            percentages.append(("failurePercentage.threshold", failurePercentage.threshold))
            percentages.append(("failurePercentage.enforcing", failurePercentage.enforcing))
            percentages.append(("failurePercentage.enforcingLocalOrigin", failurePercentage.enforcingLocalOrigin))
        }
        problems.require(interval > .zero, "interval", "must be greater than 0")
        problems.require(baseEjectionTime > .zero, "baseEjectionTime", "must be greater than 0")
        for (name, percent) in percentages {
            problems.require(percent <= 100, name, "must be at most 100, is \(percent)")
        }
        try problems.throwIfAny()
    }
}
