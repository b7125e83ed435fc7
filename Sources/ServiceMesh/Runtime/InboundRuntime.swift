// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import MeshSecurity

/// An inbound listener in the form that requests use.
final class InboundRuntime: Sendable {
    let listener: Listener
    let engine: AuthorizationEngine
    let rateLimiter: RateLimiter?
    let fault: FaultInjector?
    /// What holds for some requests only; `nil` for a listener without virtual hosts, which serves them all alike.
    let routes: RouteTable<InboundRoute>?
    /// Whether peers must prove an identity.
    let requiresIdentity: Bool

    init(
        listener: Listener,
        rateLimiter: RateLimiter?,
        fault: FaultInjector?,
        routes: RouteTable<InboundRoute>?
    ) {
        self.listener = listener
        self.rateLimiter = rateLimiter
        self.fault = fault
        self.routes = routes
        self.engine = AuthorizationEngine(
            listener.filters.compactMap { if case .authorization(let rules) = $0 { rules } else { nil } }
        )
        if case .inbound(_, .mutualTLS) = listener.direction {
            requiresIdentity = true
        } else {
            requiresIdentity = false
        }
    }

    /// What is done to a request on its way to the handler; `nil` if no route of the listener takes it.
    func route(of request: some RequestHead) -> InboundRoute? {
        guard let routes else {
            return InboundRoute(
                name: listener.name,
                fault: fault,
                rateLimiter: rateLimiter,
                policies: nil,
                reply: nil
            )
        }
        return if case .route(_, _, let route) = routes.decide(request) { route } else { nil }
    }
}

/// What is done to the requests of one route on their way to the handler.
struct InboundRoute: Sendable {
    let name: String
    /// The route's own fault, or else the listener's.
    let fault: FaultInjector?
    /// The route's own limit, or else the listener's.
    let rateLimiter: RateLimiter?
    /// What else protects the handler; `nil` for nothing.
    let policies: InboundPolicies?
    /// What is answered in the handler's place, if the route does not lead to it.
    let reply: LocalReply?
}

extension Listener {
    /// The faults of the listener's own filter.
    var fault: FaultConfiguration? {
        filters.lazy.compactMap { if case .fault(let fault) = $0 { fault } else { nil } }.first
    }

    /// The rate limit of the listener's own filter.
    var rateLimit: RateLimitConfiguration? {
        filters.lazy.compactMap { if case .rateLimit(let limit) = $0 { limit } else { nil } }.first
    }
}
