// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// A purse that retries are paid from and successes refill: the AWS SDKs' retry quota.
public struct QuotaRetryBudgetConfiguration: RetryBudgetPlan {
    /// `.retry`.
    public static let kind = PolicyKind.retry

    /// The tokens that there are at first and at most, 0 to 1 000 000.
    ///
    /// Default 500: the AWS SDKs' `INITIAL_RETRY_TOKENS`.
    public var capacity: Int
    /// What a retry costs, 1 to 1 000 000.
    ///
    /// Default 14: the AWS SDKs' `RETRY_COST`; 5 in the legacy mode.
    public var retryCost: Int
    /// What a retry after a time-out costs, 1 to 1 000 000.
    ///
    /// Default 14, as any retry; 10 in the legacy mode.
    public var timeoutCost: Int
    /// What a retry costs after the peer said that it has too much to do, 1 to 1 000 000.
    ///
    /// Default 5: the AWS SDKs' `THROTTLING_RETRY_COST`.
    public var throttledCost: Int
    /// What a success at the first attempt gives back, from 0. One after a retry gives back what its last retry cost.
    ///
    /// Default 1: the AWS SDKs' `NO_RETRY_INCREMENT`.
    public var successIncrement: Int
    /// Whether it refuses retries, or only says which it would refuse.
    public var mode: PolicyMode

    /// Creates a configuration.
    public init(
        capacity: Int = 500,
        retryCost: Int = 14,
        timeoutCost: Int = 14,
        throttledCost: Int = 5,
        successIncrement: Int = 1,
        mode: PolicyMode = .enforce
    ) {
        self.capacity = capacity
        self.retryCost = retryCost
        self.timeoutCost = timeoutCost
        self.throttledCost = throttledCost
        self.successIncrement = successIncrement
        self.mode = mode
    }

    /// The costs of the AWS SDKs' legacy mode: 5, and 10 after a time-out.
    public static let legacy = QuotaRetryBudgetConfiguration(retryCost: 5, timeoutCost: 10)

    /// Every value in force.
    public var settings: [PolicySetting] {
        [
            PolicySetting("budget", "quota"),
            PolicySetting("mode", mode, default: .enforce, from: "MeshResilience"),
            PolicySetting("capacity", capacity, default: 500, from: "AWS SDKs INITIAL_RETRY_TOKENS"),
            PolicySetting("retryCost", retryCost, default: 14, from: "AWS SDKs RETRY_COST"),
            PolicySetting("timeoutCost", timeoutCost, default: 14, from: "AWS SDKs RETRY_COST"),
            PolicySetting("throttledCost", throttledCost, default: 5, from: "AWS SDKs THROTTLING_RETRY_COST"),
            PolicySetting("successIncrement", successIncrement, default: 1, from: "AWS SDKs NO_RETRY_INCREMENT"),
        ]
    }

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        let bounds = [
            ("capacity", capacity, 0), ("retryCost", retryCost, 1), ("timeoutCost", timeoutCost, 1),
            ("throttledCost", throttledCost, 1), ("successIncrement", successIncrement, 0),
        ]
        for (name, value, least) in bounds {
            problems.require(
                (least...1_000_000).contains(value),
                name,
                "must be from \(least) to 1000000, is \(value)"
            )
        }
        try problems.throwIfAny()
    }

    /// A full purse.
    public func makeStrategy() -> any RetryBudgetStrategy { QuotaRetryBudget(self) }
}
