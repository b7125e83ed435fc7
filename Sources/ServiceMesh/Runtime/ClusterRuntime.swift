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
    let endpoints: [EndpointState]
    let picker: any EndpointPicker

    init(cluster: Cluster, live: ClusterLiveState, endpoints: [EndpointState], picker: any EndpointPicker) {
        self.cluster = cluster
        self.live = live
        self.endpoints = endpoints
        self.picker = picker
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
    private let breakers = Mutex<[EndpointAddress: CircuitBreaker]>([:])

    init(retryBudget: RetryBudget?, outlierDetector: OutlierDetector?) {
        self.retryBudget = retryBudget
        self.outlierDetector = outlierDetector
    }

    /// The breaker of an endpoint, made when it is first asked for.
    func breaker(for address: EndpointAddress, make: () -> CircuitBreaker) -> CircuitBreaker {
        breakers.withLock { breakers in
            if let breaker = breakers[address] { return breaker }
            let breaker = make()
            breakers[address] = breaker
            return breaker
        }
    }

    /// The breaker of an endpoint, if it was asked for before.
    func existingBreaker(for address: EndpointAddress) -> CircuitBreaker? {
        breakers.withLock { $0[address] }
    }

    /// The state of an endpoint's breaker, if it has one.
    func breakerState(of address: EndpointAddress) -> CircuitBreakerStateMachine.State? {
        breakers.withLock { $0[address] }?.state
    }

    /// Forgets the breakers of endpoints that are gone.
    func keepBreakers(of addresses: Set<EndpointAddress>) {
        breakers.withLock { breakers in breakers = breakers.filter { addresses.contains($0.key) } }
    }
}
