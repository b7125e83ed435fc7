// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// A strategy as a budget holds it: ours by their own types, because a call through `any` costs as much as what they do.
struct RetryBudgetMachine: Sendable {
    // Exactly one of them is there: unlike the cases of an enum, it is changed where it stands, and never copied.
    private var token: TokenRetryBudget?
    private var concurrency: ConcurrencyRetryBudget?
    private var throttle: ThrottleRetryBudget?
    private var quota: QuotaRetryBudget?
    private var other: (any RetryBudgetStrategy)?

    init(_ strategy: any RetryBudgetStrategy) {
        switch strategy {
        case let strategy as TokenRetryBudget: token = strategy
        case let strategy as ConcurrencyRetryBudget: concurrency = strategy
        case let strategy as ThrottleRetryBudget: throttle = strategy
        case let strategy as QuotaRetryBudget: quota = strategy
        default: other = strategy
        }
    }

    mutating func requestStarted(at now: MeshInstant) {
        token?.requestStarted(at: now)
        concurrency?.requestStarted(at: now)
        other?.requestStarted(at: now)
    }

    mutating func requestEnded() {
        concurrency?.requestEnded()
        other?.requestEnded()
    }

    mutating func attemptFailed() {
        throttle?.attemptFailed()
        other?.attemptFailed()
    }

    mutating func requestSucceeded(taken: Int?) {
        throttle?.requestSucceeded(taken: taken)
        quota?.requestSucceeded(taken: taken)
        other?.requestSucceeded(taken: taken)
    }

    mutating func retryWanted(_ cause: RetryCause, at now: MeshInstant) -> Int? {
        token?.retryWanted(cause, at: now) ?? concurrency?.retryWanted(cause, at: now)
            ?? throttle?.retryWanted(cause, at: now) ?? quota?.retryWanted(cause, at: now)
            ?? other?.retryWanted(cause, at: now)
    }

    mutating func retryEnded() {
        concurrency?.retryEnded()
        other?.retryEnded()
    }

    func balance(at now: MeshInstant) -> Double {
        token?.balance(at: now) ?? concurrency?.balance(at: now) ?? throttle?.balance(at: now)
            ?? quota?.balance(at: now) ?? other?.balance(at: now) ?? 0
    }
}
