// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// The places of a stack of policies, in the canonical order: the first is the outermost.
///
/// The order is what Finagle, Linkerd and Envoy build in and resilience4j, Polly and Tower leave to their users, who ask
/// about it more than about anything else. `PolicyOrder` says what goes wrong in another one.
public enum PolicySlot: Int, Hashable, Sendable, CaseIterable, Comparable {
    /// Answers in place of everything that fails inside.
    case fallback
    /// Answers from memory; a hit needs nothing of what is inside.
    case cache
    /// Shares one call's answer among equal ones.
    case coalescing
    /// Collects calls and makes one of them.
    case batch
    /// Refuses by importance, before any work is done.
    case loadShedding
    /// Injected faults: outside the retries, so that they do not mask them.
    case fault
    /// Limits requests in a time; a request counts once, however many attempts it takes.
    case rateLimit
    /// Limits the time of all attempts and their waits together.
    case totalTimeout
    /// Refuses a share of the requests that grows with the failures.
    case admissionControl
    /// Runs attempts one after the other.
    case retry
    /// Runs attempts beside each other.
    case hedge
    /// Limits attempts under way by what latencies say.
    case adaptiveLimit
    /// Limits attempts under way.
    case bulkhead
    /// Refuses attempts at a peer that fails.
    case circuitBreaker
    /// Limits the time of one attempt; inside the breaker, so that the breaker hears of it.
    case attemptTimeout

    /// The policy that stands there.
    public var kind: PolicyKind {
        switch self {
        case .fallback: .fallback
        case .cache: .cache
        case .coalescing: .coalescing
        case .batch: .batch
        case .loadShedding: .loadShedding
        case .fault: .fault
        case .rateLimit: .rateLimit
        case .totalTimeout, .attemptTimeout: .timeout
        case .admissionControl: .admissionControl
        case .retry: .retry
        case .hedge: .hedge
        case .adaptiveLimit: .adaptiveLimit
        case .bulkhead: .bulkhead
        case .circuitBreaker: .circuitBreaker
        }
    }

    /// Further out comes first.
    public static func < (lhs: PolicySlot, rhs: PolicySlot) -> Bool {
        lhs.rawValue < rhs.rawValue
    }
}

extension PolicySlot: CustomStringConvertible {
    /// In words: `circuit breaker`.
    public var description: String {
        switch self {
        case .totalTimeout: "total timeout"
        case .attemptTimeout: "attempt timeout"
        default: String(kind.rawValue.map { $0 == "_" ? " " : $0 })
        }
    }
}
