// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Retries pay what they cost; a success after a retry gives back what that retry cost, one without a little.
public struct QuotaRetryBudget: RetryBudgetStrategy {
    private let configuration: QuotaRetryBudgetConfiguration
    /// How many tokens there are.
    public private(set) var tokens: Int

    /// Creates a full purse.
    public init(_ configuration: QuotaRetryBudgetConfiguration) {
        self.configuration = configuration
        self.tokens = configuration.capacity
    }

    /// `true`: successes refill it.
    public var hearsEndings: Bool { true }

    /// A retry is wanted.
    /// - Returns: What it costs; `nil` if there is less.
    public mutating func retryWanted(_ cause: RetryCause, at now: MeshInstant) -> Int? {
        let cost =
            switch cause {
            case .failure: configuration.retryCost
            case .timeout: configuration.timeoutCost
            case .throttled: configuration.throttledCost
            }
        guard tokens >= cost else { return nil }
        tokens -= cost
        return cost
    }

    /// A request succeeded.
    public mutating func requestSucceeded(taken: Int?) {
        tokens = min(tokens + (taken ?? configuration.successIncrement), configuration.capacity)
    }

    /// Nothing.
    public mutating func requestStarted(at now: MeshInstant) {}
    /// Nothing.
    public mutating func requestEnded() {}
    /// Nothing: what a failed retry cost stays paid.
    public mutating func retryEnded() {}
    /// Nothing.
    public mutating func attemptFailed() {}

    /// How many retries can be paid.
    public func balance(at now: MeshInstant) -> Double {
        Double(tokens / configuration.retryCost)
    }
}
