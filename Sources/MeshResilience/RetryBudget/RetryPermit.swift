// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// One retry or hedge that its budget allowed, for as long as it is under way.
///
/// Dropping it gives its place back, so that no way out of a retry, cancellation included, can leak one.
public struct RetryPermit: ~Copyable, Sendable {
    private let budget: RetryBudget?
    /// What it took out of the budget, in the budget's own unit; `nil` if it took nothing.
    public let taken: Int?
    /// Whether the budget allowed it; otherwise the budget only observes, and would have refused.
    public let isEnforced: Bool

    init(_ budget: RetryBudget?, taken: Int?, isEnforced: Bool) {
        self.budget = budget
        self.taken = taken
        self.isEnforced = isEnforced
    }

    deinit {
        budget?.retryEnded()
    }
}
