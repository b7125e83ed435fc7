// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// The configuration of a retry budget: whatever makes its strategy.
public protocol RetryBudgetPlan: PolicyConfiguration {
    /// The strategy of a new budget; called for plans that are valid.
    func makeStrategy() -> any RetryBudgetStrategy
}
