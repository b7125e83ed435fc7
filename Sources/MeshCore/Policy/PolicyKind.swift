// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// The policies that a request can meet; the raw value is the label in metrics. More may come: switch with a default.
public enum PolicyKind: String, Hashable, Sendable, CaseIterable {
    /// Runs an operation again.
    case retry
    /// Runs an operation a second time at once when the first is slow.
    case hedge
    /// Limits the time.
    case timeout
    /// Refuses calls to a peer that fails.
    case circuitBreaker = "circuit_breaker"
    /// Limits the calls under way.
    case bulkhead
    /// Limits the calls under way by what latencies say.
    case adaptiveLimit = "adaptive_limit"
    /// Refuses a share of the calls that grows with the failures.
    case admissionControl = "admission_control"
    /// Refuses the least important calls first.
    case loadShedding = "load_shedding"
    /// Refuses the share of the calls that the control plane says.
    case dropOverload = "drop_overload"
    /// Limits the calls in a time.
    case rateLimit = "rate_limit"
    /// Answers in place of an operation that failed.
    case fallback
    /// Answers from memory.
    case cache
    /// Makes one call of several equal ones.
    case coalescing
    /// Makes one call of several different ones.
    case batch
    /// Injects delays and errors.
    case fault
    /// Sends copies of requests elsewhere.
    case mirror
}
