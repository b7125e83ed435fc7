// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

extension CircuitBreakerStateMachine {
    /// How an admitted call ended, as far as a breaker cares.
    public struct Ending: Hashable, Sendable {
        /// How it counts.
        public var outcome: Outcome
        /// Whether the peer said that it has too much to do (429, `RESOURCE_EXHAUSTED`). Whatever else it is, such an
        /// answer counts against the rates, fails a probe, and ends a run of failures.
        public var isOverload: Bool
        /// How long it took; only a rule about slow calls reads it.
        public var duration: Nanoseconds
        /// How long the peer asked to be left alone.
        public var retryAfter: Nanoseconds?

        /// Creates an ending.
        public init(
            _ outcome: Outcome,
            isOverload: Bool = false,
            duration: Nanoseconds = .zero,
            retryAfter: Nanoseconds? = nil
        ) {
            self.outcome = outcome
            self.isOverload = isOverload
            self.duration = duration
            self.retryAfter = retryAfter
        }
    }

    /// Why a breaker is in its state. More cases may come: switch with a default.
    public enum Cause: String, Hashable, Sendable, CaseIterable {
        /// It began in it.
        case initial
        /// That many calls failed one after another.
        case consecutiveFailures
        /// That many calls of the window failed.
        case failureCount
        /// Too large a share failed.
        case failureRate
        /// Too small a share succeeded.
        case successRate
        /// The weighted share of successes fell too low.
        case averageSuccessRate
        /// Too large a share was slow.
        case slowCallRate
        /// A probe failed.
        case probeFailed
        /// A probe was given up.
        case probeIgnored
        /// The half-open state lasted too long.
        case probesTimedOut
        /// It was open long enough.
        case waitOver
        /// The probes succeeded.
        case recovered
        /// Somebody wanted it so.
        case forced

        /// The reason in the words that all policies share.
        public var reason: PolicyDecision.Reason {
            switch self {
            case .initial, .forced: .forced
            case .consecutiveFailures, .failureCount, .failureRate, .successRate, .averageSuccessRate: .failures
            case .probeFailed: .failures
            case .slowCallRate: .slowCalls
            case .probeIgnored, .probesTimedOut: .waitTooLong
            case .waitOver: .probing
            case .recovered: .recovered
            }
        }
    }
}
