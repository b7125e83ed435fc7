// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
public import MeshResilience

/// Where the outbound layers find their policies: in the route that the context carries.
///
/// Inlinable, because a context that is handed to an opaque call is copied, and its eight references counted.
public enum SelectionSources {
    /// The route's faults.
    public struct Fault: PolicySource {
        /// The faults of the selected route and cluster.
        @inlinable
        public func policy(for context: CallContext) -> FaultInjector? { context.selection?.fault }
    }

    /// The route's rate limit.
    public struct RateLimit: PolicySource {
        /// The limiter of the selected route.
        @inlinable
        public func policy(for context: CallContext) -> RateLimiter? { context.selection?.rateLimiter }
    }

    /// The route's timeout.
    public struct RouteTimeout: PolicySource {
        /// The timeout of the selected route.
        @inlinable
        public func policy(for context: CallContext) -> Nanoseconds? { context.selection?.timeout }
    }

    /// The timeout of each attempt.
    public struct AttemptTimeout: PolicySource {
        /// The per-try timeout of the selected route.
        @inlinable
        public func policy(for context: CallContext) -> Nanoseconds? {
            context.selection?.retry?.policy.perTryTimeout
        }
    }

    /// The route's retries.
    public struct Retries: PolicySource {
        /// The retries of the selected route under its cluster's budget.
        @inlinable
        public func policy(for context: CallContext) -> Retry? { context.selection?.retry }
    }

    /// The load shedding of the route or cluster.
    public struct LoadShedding: PolicySource {
        /// What the selected route has, or else its cluster.
        @inlinable
        public func policy(for context: CallContext) -> LoadShedder? { context.selection?.loadShedder }
    }

    /// The admission control of the route or cluster.
    public struct Admission: PolicySource {
        /// What the selected route has, or else its cluster.
        @inlinable
        public func policy(for context: CallContext) -> AdmissionControl? { context.selection?.admissionControl }
    }

    /// The hedging of the route or cluster.
    public struct Hedges: PolicySource {
        /// What the selected route has, or else its cluster.
        @inlinable
        public func policy(for context: CallContext) -> Hedging? { context.selection?.hedging }
    }

    /// The adaptive limit of the route or cluster.
    public struct AdaptiveLimits: PolicySource {
        /// What the selected route has, or else its cluster.
        @inlinable
        public func policy(for context: CallContext) -> AdaptiveLimit? { context.selection?.adaptiveLimit }
    }

    /// The bulkhead of the route or cluster.
    public struct Bulkheads: PolicySource {
        /// What the selected route has, or else its cluster.
        @inlinable
        public func policy(for context: CallContext) -> Bulkhead? { context.selection?.bulkhead }
    }

    /// The circuit breaker over the whole of the route or cluster.
    public struct Breakers: PolicySource {
        /// What the selected route has, or else its cluster.
        @inlinable
        public func policy(for context: CallContext) -> CircuitBreaker? { context.selection?.circuitBreaker }
    }
}
