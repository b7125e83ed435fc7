// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// How many retries may be under way, measured against the requests that are: Envoy's budget
/// (`CircuitBreakers.Thresholds.RetryBudget`).
public struct ConcurrencyRetryBudgetConfiguration: RetryBudgetPlan {
    /// `.retry`.
    public static let kind = PolicyKind.retry

    /// Retries for each hundred requests under way, 0 to 100.
    ///
    /// Default 20: Envoy's `budget_percent`.
    public var percent: Double
    /// Retries that may be under way in any case, from 0.
    ///
    /// Default 3: Envoy's `min_retry_concurrency`.
    public var minimum: Int
    /// Whether it refuses retries, or only says which it would refuse.
    public var mode: PolicyMode

    /// Creates a configuration.
    public init(percent: Double = 20, minimum: Int = 3, mode: PolicyMode = .enforce) {
        self.percent = percent
        self.minimum = minimum
        self.mode = mode
    }

    /// Every value in force.
    public var settings: [PolicySetting] {
        [
            PolicySetting("budget", "concurrency"),
            PolicySetting("mode", mode, default: .enforce, from: "MeshResilience"),
            PolicySetting("percent", percent, default: 20, from: "Envoy RetryBudget.budget_percent"),
            PolicySetting("minimum", minimum, default: 3, from: "Envoy RetryBudget.min_retry_concurrency"),
        ]
    }

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        problems.require((0...100).contains(percent), "percent", "must be from 0 to 100, is \(percent)")
        problems.require(
            (0...Int(UInt32.max)).contains(minimum),
            "minimum",
            "must be from 0 to 4294967295, is \(minimum)"
        )
        try problems.throwIfAny()
    }

    /// Nothing under way.
    public func makeStrategy() -> any RetryBudgetStrategy { ConcurrencyRetryBudget(self) }
}
