// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Retries stop while too many attempts fail: gRPC's retry throttling (gRFC A6, `retryThrottling`).
public struct ThrottleRetryBudgetConfiguration: RetryBudgetPlan {
    /// `.retry`.
    public static let kind = PolicyKind.retry

    /// The tokens that there are at first and at most, 1 to 1000. Retries are allowed while there are more than half.
    ///
    /// It has no default in gRPC, and none here.
    public var maximumTokens: Int
    /// What each success adds, above 0 up to 1000; three decimals count, more are cut off. A failure takes 1.
    ///
    /// It has no default in gRPC, and none here.
    public var tokenRatio: Double
    /// Whether it refuses retries, or only says which it would refuse.
    public var mode: PolicyMode

    /// Creates a configuration.
    public init(maximumTokens: Int, tokenRatio: Double, mode: PolicyMode = .enforce) {
        self.maximumTokens = maximumTokens
        self.tokenRatio = tokenRatio
        self.mode = mode
    }

    /// Every value in force.
    public var settings: [PolicySetting] {
        [
            PolicySetting("budget", "throttle"),
            PolicySetting("mode", mode, default: .enforce, from: "MeshResilience"),
            PolicySetting("maximumTokens", maximumTokens),
            PolicySetting("tokenRatio", tokenRatio),
        ]
    }

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        problems.require(
            (1...1000).contains(maximumTokens),
            "maximumTokens",
            "must be from 1 to 1000, is \(maximumTokens)"
        )
        problems.require(
            tokenRatio >= 0.001 && tokenRatio <= 1000,
            "tokenRatio",
            "must be from 0.001 to 1000, is \(tokenRatio)"
        )
        try problems.throwIfAny()
    }

    /// All tokens there.
    public func makeStrategy() -> any RetryBudgetStrategy { ThrottleRetryBudget(self) }
}
