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
        /// The timeout of the selected route; for gRPC calls that of their streams.
        @inlinable
        public func policy(for context: CallContext) -> DeadlineConfiguration? {
            context.isRPC ? context.selection?.streamTimeout : context.selection?.timeout
        }
    }

    /// The timeout of each attempt.
    public struct AttemptTimeout: PolicySource {
        /// The per-try timeout of the selected route.
        @inlinable
        public func policy(for context: CallContext) -> DeadlineConfiguration? { context.selection?.attemptTimeout }
    }

    /// The route's retries.
    public struct Retries: PolicySource {
        /// The retries of the selected route under its cluster's budget.
        @inlinable
        public func policy(for context: CallContext) -> Retry? {
            context.isRetriedByCaller ? nil : context.selection?.retry
        }
    }

    /// The response cache of the route or cluster.
    public struct Caches<Request: RequestHead, Response: ResponseHead>: PolicySource {
        @usableFromInline let client: SharingClient<Request, Response>

        @usableFromInline
        init(_ client: SharingClient<Request, Response>) {
            self.client = client
        }

        /// The client's own memory under what the selected route has, or else its cluster.
        @inlinable
        public func policy(for context: CallContext) -> TransportCache<Request, Response>? {
            guard let cache = context.selection?.responseCache else { return nil }
            return client.cache(of: cache)
        }
    }

    /// The coalescing of the route or cluster.
    public struct Coalescings<Request: RequestHead, Response: ResponseHead>: PolicySource {
        @usableFromInline let client: SharingClient<Request, Response>

        @usableFromInline
        init(_ client: SharingClient<Request, Response>) {
            self.client = client
        }

        /// The client's own requests under what the selected route has, or else its cluster.
        @inlinable
        public func policy(for context: CallContext) -> TransportCoalescing<Request, Response>? {
            guard let coalescing = context.selection?.coalescing else { return nil }
            return client.coalescing(of: coalescing)
        }
    }

    /// The header fields that carry the deadline on.
    public struct Headers: PolicySource {
        /// What the selected route has, or else its cluster.
        @inlinable
        public func policy(for context: CallContext) -> DeadlineHeaders? { context.selection?.deadlineHeaders }
    }

    /// The load shedding of the route or cluster.
    public struct LoadShedding: PolicySource {
        /// What the selected route has, or else its cluster.
        @inlinable
        public func policy(for context: CallContext) -> LoadShedder? { context.selection?.loadShedder }
    }

    /// The keyed rate limit of the route or cluster.
    public struct KeyedRateLimits: PolicySource {
        /// What the selected route has, or else its cluster.
        @inlinable
        public func policy(for context: CallContext) -> HeaderRateLimiter? { context.selection?.keyedRateLimit }
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
