// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// The rules that open a breaker, in the form in which every call asks them: a rule that is left out is a bound that
/// nothing reaches.
struct CircuitBreakerRules: Sendable {
    typealias Cause = CircuitBreakerStateMachine.Cause
    typealias Sums = CircuitBreakerWindow.Sums

    let failureRate: Double
    let minimumSuccessRate: Double
    let slowCallRate: Double
    let slowCallDuration: Nanoseconds
    let consecutiveFailures: Int
    let failureCount: Int
    let minimumCalls: Int
    let judgesEveryCall: Bool
    let average: AverageRule?
    /// Whether no rule looks at a call that succeeded in time.
    let overlooksSuccesses: Bool

    /// Finagle's moving average.
    struct AverageRule: Sendable {
        let minimum: Double
        let span: Int
        /// What is left of the old average after one call.
        let weight: Double
    }

    init(_ configuration: CircuitBreakerConfiguration) {
        self.failureRate = configuration.failureRate ?? .infinity
        self.minimumSuccessRate = configuration.minimumSuccessRate ?? -.infinity
        self.slowCallRate = configuration.slowCallRate ?? .infinity
        self.slowCallDuration = configuration.slowCallRate == nil ? .forever : configuration.slowCallDuration
        self.consecutiveFailures = configuration.consecutiveFailures ?? .max
        self.failureCount = configuration.failureCount ?? .max
        self.minimumCalls = max(min(configuration.minimumCalls, configuration.callWindow ?? .max), 1)
        self.judgesEveryCall = configuration.opensOnAnyCall
        self.overlooksSuccesses = !configuration.opensOnAnyCall && configuration.averageSuccessRate == nil
        self.average = configuration.averageSuccessRate.map { minimum in
            let span = max(configuration.averageSpan, 1)
            return AverageRule(minimum: minimum, span: span, weight: Self.exponential(-1 / Double(span)))
        }
    }

    /// The first rate that is broken, whatever the number of calls.
    ///
    /// Shares are divided, not multiplied out: 3 of 30 is exactly the double that `0.1` is written as, and `0.1 * 30` is
    /// more than 3.
    func brokenRate(_ sums: Sums) -> Cause? {
        guard sums.calls > 0 else { return nil }
        let calls = Double(sums.calls)
        if Double(sums.failures) / calls >= failureRate { return .failureRate }
        if Double(sums.calls &- sums.failures) / calls < minimumSuccessRate { return .successRate }
        if Double(sums.slow) / calls >= slowCallRate { return .slowCallRate }
        return nil
    }

    /// `e^x` for `-1 ≤ x ≤ 0`, to the last bit or two: the pure targets import no mathematical library.
    static func exponential(_ x: Double) -> Double {
        var (sum, term) = (1.0, 1.0)
        for n in 1...24 {
            term *= x / Double(n)
            sum += term
        }
        return sum
    }
}
