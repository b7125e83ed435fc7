// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience

/// The policies of a route and a cluster in the form that requests use: the route's own, or else the cluster's.
struct TrafficPolicyRuntime: Sendable {
    var loadShedder: LoadShedder?
    /// For what this process serves.
    var expiredRequests: ExpiredRequestFilter?
    var fallback: LocalReply?
    var responseCache: RouteCache?
    /// Set where a route meets its cluster.
    var coalescing: RouteCoalescing?
    var keyedRateLimit: HeaderRateLimiter?
    var admissionControl: AdmissionControl?
    var hedging: Hedging?
    var adaptiveLimit: AdaptiveLimit?
    var bulkhead: Bulkhead?
    var circuitBreaker: CircuitBreaker?
    var deadlineHeaders: DeadlineHeaders = []

    /// No policies.
    static let none = TrafficPolicyRuntime()

    private init() {}

    /// Starts the policies, or takes over those that run; all but the coalescing, which belongs to a route and a cluster.
    /// - Parameters:
    ///   - place: Where they stand; the same in the next configuration.
    ///   - name: The route or cluster that they stand on, as observers are told.
    ///   - budget: What hedges draw on.
    init(
        _ policies: TrafficPolicies,
        place: String,
        name: String,
        budget: RetryBudget?,
        pool: inout PolicyPool
    ) {
        guard policies != .none else { return }
        fallback = policies.fallback
        deadlineHeaders = policies.deadlineHeaders
        loadShedder = policies.loadShedding.map { pool.loadShedder(place, name, $0) }
        expiredRequests = policies.expiredRequests.map { pool.expiredRequests(place, name, $0) }
        responseCache = policies.responseCache.map { pool.responseCache(place, name, $0, policies.sharing) }
        keyedRateLimit = policies.keyedRateLimit.map { pool.keyedRateLimit("\(place) keyed", name, $0) }
        admissionControl = policies.admissionControl.map { pool.admissionControl(place, name, $0) }
        hedging = policies.hedging.map { pool.hedging(place, name, $0, budget: budget) }
        adaptiveLimit = policies.adaptiveLimit.map { pool.adaptiveLimit(place, name, $0) }
        bulkhead = policies.bulkhead.map { pool.bulkhead(place, name, $0) }
        circuitBreaker = policies.circuitBreaker.map { pool.circuitBreaker(place, name, $0) }
    }

    /// These, and the others where there is none.
    func completed(by others: TrafficPolicyRuntime) -> TrafficPolicyRuntime {
        var merged = self
        merged.loadShedder = loadShedder ?? others.loadShedder
        merged.expiredRequests = expiredRequests ?? others.expiredRequests
        merged.fallback = fallback ?? others.fallback
        merged.responseCache = responseCache ?? others.responseCache
        merged.keyedRateLimit = keyedRateLimit ?? others.keyedRateLimit
        merged.admissionControl = admissionControl ?? others.admissionControl
        merged.hedging = hedging ?? others.hedging
        merged.adaptiveLimit = adaptiveLimit ?? others.adaptiveLimit
        merged.bulkhead = bulkhead ?? others.bulkhead
        merged.circuitBreaker = circuitBreaker ?? others.circuitBreaker
        merged.deadlineHeaders = deadlineHeaders.isEmpty ? others.deadlineHeaders : deadlineHeaders
        return merged
    }
}
