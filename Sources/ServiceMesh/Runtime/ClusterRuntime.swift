// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshResilience
import Synchronization

/// A cluster in the form that requests use: an immutable picker over endpoints whose live state is shared.
@usableFromInline
final class ClusterRuntime: Sendable {
    let cluster: Cluster
    let live: ClusterLiveState
    /// What stands on the cluster, for routes that have none of their own.
    let policies: TrafficPolicyRuntime
    /// Those of all priorities, whatever their health.
    let endpoints: [EndpointState]
    /// The same by priority and place.
    let groups: [PriorityGroup]
    let picker: PriorityPicker
    /// Its endpoints' breakers; `nil` if they have none.
    let breakers: EndpointBreakers?
    /// How many requests may be under way. Apart from the configuration, which is large: reading it there copies it.
    let maximumRequests: Int
    /// The same of routes with high priority, which count apart.
    let maximumHighPriorityRequests: Int
    /// Whether those breakers want to know that a peer said that it has too much to do.
    let recognizesOverload: Bool
    /// Whether its balancer wants to know how long endpoints take to answer.
    let observesAnswers: Bool
    /// Whether a request to it may leave without encryption: what asks for `https` must not be sent to it.
    let isCleartext: Bool

    init(
        cluster: Cluster,
        live: ClusterLiveState,
        policies: TrafficPolicyRuntime,
        groups: [PriorityGroup],
        picker: PriorityPicker
    ) {
        let endpoints = groups.flatMap(\.endpoints)
        self.cluster = cluster
        self.live = live
        self.policies = policies
        self.breakers =
            cluster.circuitBreaker == nil ? nil : EndpointBreakers(endpoints, table: live.breakers)
        self.maximumRequests = Int(cluster.concurrencyLimit.maximumRequests)
        self.maximumHighPriorityRequests = Int(cluster.maximumHighPriorityRequests)
        self.recognizesOverload = cluster.circuitBreaker?.recognizesOverload ?? false
        self.observesAnswers = cluster.loadBalancing.policy.observesAnswers
        self.endpoints = endpoints
        self.groups = groups
        self.picker = picker
        self.isCleartext =
            cluster.upstreamSecurity == .plaintext || endpoints.contains { $0.endpoint.security == .plaintext }
    }
}

extension ClusterRuntime {
    /// A request begins.
    /// - Returns: The limit, if it is exceeded; the request counts until it ends all the same.
    @inline(__always)
    func beginRequest(isHighPriority: Bool) -> Int? {
        if isHighPriority {
            let active = live.activeHighPriorityRequests.wrappingAdd(1, ordering: .relaxed).newValue
            return active <= maximumHighPriorityRequests ? nil : maximumHighPriorityRequests
        }
        let active = live.activeRequests.wrappingAdd(1, ordering: .relaxed).newValue
        return active <= maximumRequests ? nil : maximumRequests
    }

    /// A request ends.
    @inline(__always)
    func endRequest(isHighPriority: Bool) {
        if isHighPriority {
            live.activeHighPriorityRequests.wrappingSubtract(1, ordering: .relaxed)
        } else {
            live.activeRequests.wrappingSubtract(1, ordering: .relaxed)
        }
    }

    /// Whether a request could be sent now: an endpoint is there, and the limit is not reached.
    func hasRoom(isHighPriority: Bool) -> Bool {
        guard !endpoints.isEmpty else { return false }
        return isHighPriority
            ? live.activeHighPriorityRequests.load(ordering: .relaxed) < maximumHighPriorityRequests
            : live.activeRequests.load(ordering: .relaxed) < maximumRequests
    }
}

/// What a cluster remembers over pushes that leave its settings alone.
final class ClusterLiveState: Sendable {
    /// Requests under way, for the cluster's concurrency limit.
    let activeRequests = Atomic<Int>(0)
    /// The same of routes with high priority, which count apart.
    let activeHighPriorityRequests = Atomic<Int>(0)
    /// Whose turn it is while breakers refuse what is picked.
    let panicTurn = Atomic<UInt>(0)
    let retryBudget: RetryBudget?
    let outlierDetector: OutlierDetector?
    let breakers: CircuitBreakerTable
    /// What the endpoints tell changes of their health to.
    let health: HealthSignal

    init(
        retryBudget: RetryBudget?,
        outlierDetector: OutlierDetector?,
        breakers: CircuitBreakerTable,
        health: HealthSignal
    ) {
        self.health = health
        self.retryBudget = retryBudget
        self.outlierDetector = outlierDetector
        self.breakers = breakers
    }

    /// The breaker of an endpoint, if a request has asked for it.
    func existingBreaker(for address: EndpointAddress) -> CircuitBreaker? {
        breakers[address]?.existing
    }

    /// The state of an endpoint's breaker, if it has one.
    func breakerState(of address: EndpointAddress) -> CircuitBreakerStateMachine.State? {
        existingBreaker(for: address)?.state
    }
}
