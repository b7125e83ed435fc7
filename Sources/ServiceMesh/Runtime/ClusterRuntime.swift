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
    /// Those of the groups of endpoints that routes name; `nil` if there are no groups.
    let subsets: SubsetPickers?
    /// The clusters that it is made of; none for one that has endpoints itself.
    let members: [ClusterRuntime]
    /// What picks one of them; `nil` if there are none.
    let aggregate: AggregatePicker?
    /// Which shares of the requests are refused.
    let dropOverloads: [EndpointAssignment.DropOverload]
    /// Whether all there is to a pick is to ask the picker: one branch for all that few clusters have.
    let isPlain: Bool
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
    /// Whether its balancer or its control plane wants to know what endpoints report of their load.
    let observesLoad: Bool
    /// Where its requests are counted for the control plane; `nil` if it does not want to know.
    let loadStatistics: ClusterLoadStatistics?
    /// What of its endpoints' load reports is summed up there.
    let reportedMetrics: LoadMetricSelection
    /// Whether its endpoints are asked how they are.
    let hasHealthCheck: Bool
    /// Whether a request to it may leave without encryption: what asks for `https` must not be sent to it.
    let isCleartext: Bool
    /// What its endpoints were made of; `nil` for a cluster of clusters.
    let origin: Origin?

    /// What the endpoints of a cluster are made of, besides its own settings.
    struct Origin: Equatable {
        var assignment: EndpointAssignment?
        var ownZone: OwnZone?
        var secrets: DeliveredSecrets?
        var isAsking: Bool

        static func == (one: Self, other: Self) -> Bool {
            one.isAsking == other.isAsking && one.secrets === other.secrets && one.ownZone == other.ownZone
                && one.assignment == other.assignment
        }
    }

    init(
        cluster: Cluster,
        live: ClusterLiveState,
        policies: TrafficPolicyRuntime,
        groups: [PriorityGroup],
        picker: PriorityPicker,
        subsets: SubsetPickers? = nil,
        members: [ClusterRuntime] = [],
        aggregate: AggregatePicker? = nil,
        dropOverloads: [EndpointAssignment.DropOverload] = [],
        loadStatistics: ClusterLoadStatistics? = nil,
        origin: Origin? = nil
    ) {
        self.origin = origin
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
        self.loadStatistics = loadStatistics
        self.reportedMetrics = loadStatistics == nil ? .none : cluster.loadStatistics?.metrics ?? .none
        self.observesLoad = cluster.loadBalancing.policy.observesLoad || !reportedMetrics.isEmpty
        self.hasHealthCheck = cluster.healthCheck != nil
        self.endpoints = endpoints
        self.groups = groups
        self.picker = picker
        self.subsets = subsets
        self.members = members
        self.aggregate = aggregate
        self.dropOverloads = dropOverloads
        self.isPlain = subsets == nil && aggregate == nil && dropOverloads.isEmpty
        self.isCleartext =
            aggregate != nil
            ? members.isEmpty || members.contains { $0.isCleartext }
            : cluster.upstreamSecurity == .plaintext || endpoints.contains { $0.endpoint.security == .plaintext }
    }
}

extension ClusterRuntime {
    /// Whether requests go to the hosts that they name, past the mesh.
    var passesThrough: Bool { cluster.discovery == .originalDestination }

    /// Header fields in which requests may name their endpoints, of it or of the clusters that it is made of.
    var overrideHostHeaders: [HeaderName] {
        guard aggregate != nil else { return cluster.overrideHostHeaders }
        var names: [HeaderName] = []
        for name in members.flatMap(\.cluster.overrideHostHeaders) where !names.contains(name) { names.append(name) }
        return names
    }

    /// Whether a request's hash decides about its endpoint.
    var picksByHash: Bool {
        guard aggregate != nil else { return cluster.loadBalancing.policy.picksByHash }
        return members.contains { $0.cluster.loadBalancing.policy.picksByHash }
    }

    /// A request begins.
    /// - Returns: The limit, if it is exceeded; the request counts until it ends all the same.
    @inline(__always)
    func beginRequest(isHighPriority: Bool) -> Int? {
        if hasHealthCheck { live.traffic.note() }
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
        if aggregate != nil { return members.contains { $0.hasRoom(isHighPriority: isHighPriority) } }
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
    let health: ClusterSignal
    /// Whether there was a request since it is asked how its endpoints are.
    let traffic: ClusterTraffic

    init(
        retryBudget: RetryBudget?,
        outlierDetector: OutlierDetector?,
        breakers: CircuitBreakerTable,
        health: ClusterSignal,
        traffic: ClusterTraffic
    ) {
        self.health = health
        self.traffic = traffic
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
