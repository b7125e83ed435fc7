// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// How many retries may be made, measured against the requests that were made: Finagle's, Linkerd's and Tower's budget.
///
/// A leaky bucket: each request deposits a share of a retry, which expires; retries withdraw whole ones. With neither
/// a share nor a minimum it is empty: nothing is ever retried.
public struct RetryBudgetConfiguration: RetryBudgetPlan {
    /// `.retry`.
    public static let kind = PolicyKind.retry

    /// Retries for each hundred requests, 0 to 1000.
    ///
    /// Default 20: Finagle's and Linkerd's `RetryBudget`, Envoy's `budget_percent`.
    public var percent: Double
    /// Retries a second that are allowed in any case, so that a quiet client may retry.
    ///
    /// Default 10: Finagle's and Linkerd's `minRetriesPerSec`.
    public var minimumPerSecond: Double
    /// For how long a deposit counts, 1 s to 60 s.
    ///
    /// Default 10 s: Finagle's and Linkerd's `ttl`.
    public var timeToLive: Nanoseconds
    /// Whether it refuses retries, or only says which it would refuse.
    public var mode: PolicyMode

    /// Creates a configuration.
    public init(
        percent: Double = 20,
        minimumPerSecond: Double = 10,
        timeToLive: Nanoseconds = .seconds(10),
        mode: PolicyMode = .enforce
    ) {
        self.percent = percent
        self.minimumPerSecond = minimumPerSecond
        self.timeToLive = timeToLive
        self.mode = mode
    }

    /// Every value in force.
    public var settings: [PolicySetting] {
        [
            PolicySetting("budget", "token", default: "token", from: "Finagle RetryBudget"),
            PolicySetting("mode", mode, default: .enforce, from: "MeshResilience"),
            PolicySetting("percent", percent, default: 20, from: "Finagle RetryBudget.percentCanRetry"),
            PolicySetting(
                "minimumPerSecond",
                minimumPerSecond,
                default: 10,
                from: "Finagle RetryBudget.minRetriesPerSec"
            ),
            PolicySetting("timeToLive", timeToLive, default: .seconds(10), from: "Finagle RetryBudget.ttl"),
        ]
    }

    /// A full reserve.
    public func makeStrategy() -> any RetryBudgetStrategy { TokenRetryBudget(self) }

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        problems.require(
            percent.isFinite && (0...1000).contains(percent),
            "percent",
            "must be from 0 to 1000, is \(percent)"
        )
        problems.require(
            minimumPerSecond.isFinite && (0...1_000_000).contains(minimumPerSecond),
            "minimumPerSecond",
            "must be from 0 to 1000000, is \(minimumPerSecond)"
        )
        problems.require(
            timeToLive >= .seconds(1) && timeToLive <= .seconds(60),
            "timeToLive",
            "must be from 1 s to 60 s"
        )
        try problems.throwIfAny()
    }
}
