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
    let endpoints: [EndpointState]
    let picker: any EndpointPicker
    /// Whether its endpoints have breakers. Requests ask this: the configuration is large, and reading it copies it.
    let hasBreakers: Bool
    /// Whether those breakers want to know that a peer said that it has too much to do.
    let recognizesOverload: Bool
    /// Whether a request to it may leave without encryption: what asks for `https` must not be sent to it.
    let isCleartext: Bool

    init(
        cluster: Cluster,
        live: ClusterLiveState,
        policies: TrafficPolicyRuntime,
        endpoints: [EndpointState],
        picker: any EndpointPicker
    ) {
        self.cluster = cluster
        self.live = live
        self.policies = policies
        self.hasBreakers = cluster.circuitBreaker != nil
        self.recognizesOverload = cluster.circuitBreaker?.recognizesOverload ?? false
        self.endpoints = endpoints
        self.picker = picker
        self.isCleartext =
            cluster.upstreamSecurity == .plaintext || endpoints.contains { $0.endpoint.security == .plaintext }
    }
}

/// What a cluster remembers over pushes that leave its settings alone.
final class ClusterLiveState: Sendable {
    /// Requests under way, for the cluster's concurrency limit.
    let activeRequests = Atomic<Int>(0)
    /// Whose turn it is while every endpoint is ejected.
    let panicTurn = Atomic<UInt>(0)
    let retryBudget: RetryBudget?
    let outlierDetector: OutlierDetector?
    let breakers: CircuitBreakerTable

    init(retryBudget: RetryBudget?, outlierDetector: OutlierDetector?, breakers: CircuitBreakerTable) {
        self.retryBudget = retryBudget
        self.outlierDetector = outlierDetector
        self.breakers = breakers
    }

    /// The breaker of an endpoint, made when it is first asked for.
    func breaker(for address: EndpointAddress, make: () -> CircuitBreaker) -> CircuitBreaker {
        breakers.byAddress.withLock { breakers in
            if let breaker = breakers[address] { return breaker }
            let breaker = make()
            breakers[address] = breaker
            return breaker
        }
    }

    /// The breaker of an endpoint, if it was asked for before.
    func existingBreaker(for address: EndpointAddress) -> CircuitBreaker? {
        breakers.byAddress.withLock { $0[address] }
    }

    /// The state of an endpoint's breaker, if it has one.
    func breakerState(of address: EndpointAddress) -> CircuitBreakerStateMachine.State? {
        breakers.byAddress.withLock { $0[address] }?.state
    }

    /// Forgets the breakers of endpoints that are gone.
    func keepBreakers(of addresses: Set<EndpointAddress>) {
        breakers.byAddress.withLock { breakers in breakers = breakers.filter { addresses.contains($0.key) } }
    }
}

/// The circuit breakers of a cluster's endpoints, apart from the rest of its live state: a push that changes how
/// outliers are detected leaves them alone.
final class CircuitBreakerTable: Sendable {
    fileprivate let byAddress = Mutex<[EndpointAddress: CircuitBreaker]>([:])
}
