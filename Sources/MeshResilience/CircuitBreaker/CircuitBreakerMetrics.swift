// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// What a circuit breaker has counted, as of one instant.
public struct CircuitBreakerMetrics: Hashable, Sendable {
    /// The state.
    public var state: CircuitBreakerStateMachine.State
    /// Why it is in it.
    public var cause: CircuitBreakerStateMachine.Cause
    /// The calls in the window; of the probes since it was last half open.
    public var calls: Int
    /// Those of them that failed or were answered with overload.
    public var failures: Int
    /// Those of them that were slow; 0 without a rule about them.
    public var slowCalls: Int
    /// The share of failures; `nil` while there are too few calls to judge by.
    public var failureRate: Double?
    /// The share of slow calls; `nil` while there are too few calls to judge by.
    public var slowCallRate: Double?
    /// The exponentially weighted share of successes; `nil` without a rule about it.
    public var averageSuccessRate: Double?
    /// The failures since the last success.
    public var consecutiveFailures: Int
    /// The successes since the last failure.
    public var consecutiveSuccesses: Int
    /// The probes that are out.
    public var probesOut: Int
    /// The calls that were refused since it was made or reset, or would have been.
    public var refused: UInt64
    /// How often it opened since it was last closed.
    public var openings: Int
    /// How often it came back to closed since it was made or reset.
    public var recoveries: Int
}

extension CircuitBreakerStateMachine {
    /// What it has counted.
    /// - Complexity: O(buckets).
    public func metrics(at now: MeshInstant) -> CircuitBreakerMetrics {
        let sums = showsProbes ? probes.sums : window.sums(at: now)
        let isEnough = sums.calls >= (showsProbes ? probesNeeded : rules.minimumCalls)
        let calls = Double(sums.calls)
        return CircuitBreakerMetrics(
            state: state,
            cause: cause,
            calls: sums.calls,
            failures: sums.failures,
            slowCalls: sums.slow,
            failureRate: isEnough ? Double(sums.failures) / calls : nil,
            slowCallRate: isEnough ? Double(sums.slow) / calls : nil,
            averageSuccessRate: rules.average == nil ? nil : average,
            consecutiveFailures: consecutiveFailures,
            consecutiveSuccesses: consecutiveSuccesses,
            probesOut: probes.out,
            refused: refused,
            openings: openings,
            recoveries: recoveries
        )
    }
}
