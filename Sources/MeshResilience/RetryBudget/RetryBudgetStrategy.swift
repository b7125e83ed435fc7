// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// The arithmetic of a retry budget: a pure value that `RetryBudget` locks, clocks and shares.
///
/// Four come with the package: `TokenRetryBudget`, `ConcurrencyRetryBudget`, `ThrottleRetryBudget`, `QuotaRetryBudget`.
/// One more needs this protocol, and a `RetryBudgetPlan` that makes it. Every method is called under a lock, so that it
/// returns at once and calls nobody; time may stand still between calls, and never runs backwards by more than threads
/// overtake each other.
public protocol RetryBudgetStrategy: Sendable {
    /// Whether it wants to hear how attempts and requests end; a budget that does not is spared the calls.
    var hearsEndings: Bool { get }
    /// A request begins.
    mutating func requestStarted(at now: MeshInstant)
    /// A request that began is over, whatever came of it.
    mutating func requestEnded()
    /// An attempt failed in a way that is worth a retry, or the peer asked for none.
    mutating func attemptFailed()
    /// A request succeeded.
    /// - Parameter taken: What its last retry took out of the budget; `nil` if its first attempt succeeded.
    mutating func requestSucceeded(taken: Int?)
    /// A retry or a hedge is wanted.
    /// - Returns: What it takes out of the budget; `nil` if the budget does not allow it.
    mutating func retryWanted(_ cause: RetryCause, at now: MeshInstant) -> Int?
    /// A retry that was allowed is over, whatever came of it.
    mutating func retryEnded()
    /// How many retries it would allow now.
    func balance(at now: MeshInstant) -> Double
}

/// Why a retry is wanted: some budgets charge differently. More cases may come: switch with a default.
public enum RetryCause: Hashable, Sendable {
    /// The attempt failed, or another is wanted beside it.
    case failure
    /// The attempt took too long.
    case timeout
    /// The peer said that it has too much to do (429, `RESOURCE_EXHAUSTED`).
    case throttled
}
