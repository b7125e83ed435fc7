// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting

/// An inbound listener in the form that requests use.
final class InboundRuntime: Sendable {
    let listener: Listener
    /// Who may pass, where no route says it otherwise.
    let security: InboundSecurityChain
    let rateLimiter: RateLimiter?
    let fault: FaultInjector?
    /// What else protects the handler; `nil` for nothing.
    let policies: InboundPolicies?
    /// The filters that requests pass where the listener has no virtual hosts; `nil` for none.
    let filters: RouteFilters?
    /// The policies that stand on the listener and are about calls to others.
    let idle: [PolicySlot]
    /// What holds for some requests only; `nil` for a listener without virtual hosts, which serves them all alike.
    let routes: RouteTable<InboundRoute>?
    /// Whether a route takes a share of its requests only, so that each request needs a random number.
    let needsRandom: Bool
    /// Whether peers must prove an identity.
    let requiresIdentity: Bool

    init(
        listener: Listener,
        rateLimiter: RateLimiter?,
        fault: FaultInjector?,
        policies: InboundPolicies?,
        filters: RouteFilters?,
        security: InboundSecurityChain,
        routes: RouteTable<InboundRoute>?,
        needsRandom: Bool = false
    ) {
        self.listener = listener
        self.security = security
        self.rateLimiter = rateLimiter
        self.fault = fault
        self.policies = policies
        self.filters = filters
        self.idle = listener.policies.aboutCallsToOthers
        self.routes = routes
        self.needsRandom = needsRandom
        if case .inbound(_, .mutualTLS) = listener.direction {
            requiresIdentity = true
        } else {
            requiresIdentity = false
        }
    }

    /// What is done to a request on its way to the handler; `nil` if no route of the listener takes it.
    /// - Parameter random: The request's random number, by which shares are decided. Default 0: the first of each share.
    func route(of request: some RequestHead, random: UInt64 = 0) -> InboundRoute? {
        guard let routes else {
            return InboundRoute(
                name: listener.name,
                fault: fault,
                rateLimiter: rateLimiter,
                isLimitOfRoute: false,
                policies: policies,
                filters: filters,
                security: security,
                idle: idle,
                reply: nil
            )
        }
        let decision = routes.decide(request, facts: RoutingFacts(random: random))
        return if case .route(_, _, let route) = decision { route } else { nil }
    }
}

/// What is done to the requests of one route on their way to the handler.
struct InboundRoute: Sendable {
    let name: String
    /// The route's own fault, or else the listener's.
    let fault: FaultInjector?
    /// The route's own limit, or else the listener's.
    let rateLimiter: RateLimiter?
    /// Whether that limit is the route's own.
    let isLimitOfRoute: Bool
    /// What else protects the handler, the route's own or else the listener's; `nil` for nothing.
    let policies: InboundPolicies?
    /// The filters that its requests pass; `nil` for none.
    let filters: RouteFilters?
    /// Who may pass: the listener's own chain, or that with what the route and those around it say.
    let security: InboundSecurityChain
    /// The policies that stand on the route or its listener and are about calls to others.
    let idle: [PolicySlot]
    /// What is answered in the handler's place, if the route does not lead to it.
    let reply: LocalReply?
}

extension TrafficPolicies {
    /// The places of the policies that do nothing for requests that come in.
    var aboutCallsToOthers: [PolicySlot] {
        let places: [(PolicySlot, isConfigured: Bool)] = [
            (.fallback, fallback != nil), (.cache, responseCache != nil), (.coalescing, coalescing != nil),
            (.hedge, hedging != nil), (.circuitBreaker, circuitBreaker != nil),
        ]
        return places.filter(\.isConfigured).map(\.0)
    }
}

extension Listener {
    /// The faults of the listener's own filter.
    var fault: FaultConfiguration? {
        filters.lazy.compactMap { if case .fault(let fault) = $0 { fault } else { nil } }.first
    }

    /// The policies of the listener's own filters; of two of one kind the first one counts.
    var policies: TrafficPolicies {
        filters.reduce(.none) { found, filter in
            if case .policies(let policies) = filter { found.completed(by: policies) } else { found }
        }
    }

    /// The rate limit of the listener's own filter.
    var rateLimit: RateLimitConfiguration? {
        filters.lazy.compactMap { if case .rateLimit(let limit) = $0 { limit } else { nil } }.first
    }
}
