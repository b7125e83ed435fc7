// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// At most `max(percent of the requests under way, minimum)` retries under way.
///
/// A retry counts from the moment in which it is allowed until its answer's head has come, its back-off included. A
/// request counts for its whole life, its back-offs included, so that a budget of 100% refuses no request its retry; in
/// Envoy a waiting retry counts against the budget and its request does not count towards it, so that 100% can refuse
/// (envoy #30205).
public struct ConcurrencyRetryBudget: RetryBudgetStrategy {
    private let percent: Double
    private let minimum: Int
    private var requests = 0
    private var retries = 0

    /// Creates a budget with nothing under way.
    public init(_ configuration: ConcurrencyRetryBudgetConfiguration) {
        self.percent = configuration.percent
        self.minimum = configuration.minimum
    }

    /// `true`: places are given back.
    public var hearsEndings: Bool { true }

    /// A request begins.
    public mutating func requestStarted(at now: MeshInstant) {
        requests += 1
    }

    /// A request is over.
    public mutating func requestEnded() {
        requests = max(requests - 1, 0)
    }

    /// A retry is wanted.
    /// - Returns: 1; `nil` if as many as may be are under way.
    public mutating func retryWanted(_ cause: RetryCause, at now: MeshInstant) -> Int? {
        guard retries < limit else { return nil }
        retries += 1
        return 1
    }

    /// A retry is over; its place is free.
    public mutating func retryEnded() {
        retries = max(retries - 1, 0)
    }

    /// Nothing.
    public mutating func attemptFailed() {}
    /// Nothing.
    public mutating func requestSucceeded(taken: Int?) {}

    /// How many more retries may begin.
    public func balance(at now: MeshInstant) -> Double {
        Double(max(limit - retries, 0))
    }

    private var limit: Int {
        max(Int(Double(requests) * percent / 100), minimum)
    }
}
