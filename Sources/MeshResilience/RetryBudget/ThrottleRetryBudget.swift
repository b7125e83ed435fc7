// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Tokens that failures take and successes give back; retries are allowed while more than half of them are there.
public struct ThrottleRetryBudget: RetryBudgetStrategy {
    /// Amounts are thousandths of a token: the decimals that gRFC A6 counts.
    private static let oneToken = 1000

    private let maximum: Int
    private let ratio: Int
    private var tokens: Int

    /// Creates a budget with all of its tokens.
    public init(_ configuration: ThrottleRetryBudgetConfiguration) {
        self.maximum = configuration.maximumTokens * Self.oneToken
        // A decimal fraction may lie a hair below itself in binary: 0.001 of a thousandth is less than anybody means.
        self.ratio = Int(configuration.tokenRatio * Double(Self.oneToken) + 1e-6)
        self.tokens = maximum
    }

    /// `true`: nothing but endings moves it.
    public var hearsEndings: Bool { true }
    /// How many tokens there are.
    public var tokensLeft: Double { Double(tokens) / Double(Self.oneToken) }

    /// An attempt failed; it takes a token.
    public mutating func attemptFailed() {
        tokens = max(tokens - Self.oneToken, 0)
    }

    /// A request succeeded; it gives a share of a token.
    public mutating func requestSucceeded(taken: Int?) {
        tokens = min(tokens + ratio, maximum)
    }

    /// A retry is wanted.
    /// - Returns: 0; `nil` while not more than half of the tokens are there.
    public mutating func retryWanted(_ cause: RetryCause, at now: MeshInstant) -> Int? {
        tokens > maximum / 2 ? 0 : nil
    }

    /// Nothing.
    public mutating func requestStarted(at now: MeshInstant) {}
    /// Nothing.
    public mutating func requestEnded() {}
    /// Nothing.
    public mutating func retryEnded() {}

    /// How many failures it would take until it refuses.
    public func balance(at now: MeshInstant) -> Double {
        max(Double(tokens - maximum / 2) / Double(Self.oneToken), 0)
    }
}
