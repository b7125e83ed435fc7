// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshResilience
import Synchronization

extension RuntimeBuilder {
    /// Compiles a cluster, or takes over the one that runs.
    func build(
        _ cluster: Cluster,
        _ assignment: EndpointAssignment?,
        replacing previous: ClusterRuntime?,
        pool: inout PolicyPool
    ) -> ClusterRuntime {
        var cluster = cluster
        if cluster.circuitBreaker == nil { cluster.circuitBreaker = configuration.circuitBreaker }
        let known = Dictionary((previous?.endpoints ?? []).map { ($0.endpoint.address, $0) }) { first, _ in first }
        let endpoints = cluster.usableEndpoints(of: assignment).map { endpoint, weight, hashKey in
            guard let state = known[endpoint.address] else {
                return EndpointState(endpoint, weight: weight, hashKey: hashKey)
            }
            if state.endpoint == endpoint, state.weight == weight, state.hashKey == hashKey { return state }
            // What is held against an address holds however it is weighted, protected or connected to.
            return EndpointState(endpoint, weight: weight, hashKey: hashKey, succeeding: state)
        }
        let live = liveState(of: cluster, endpoints, replacing: previous)
        let policies = TrafficPolicyRuntime(
            cluster.policies,
            place: "cluster \(cluster.name)",
            name: cluster.name,
            budget: live.retryBudget,
            pool: &pool
        )
        if let previous, previous.cluster == cluster, previous.endpoints.elementsEqual(endpoints, by: ===) {
            return previous
        }
        live.outlierDetector?.endpointsChanged(endpoints)
        if cluster.circuitBreaker != nil { live.breakers.endpointsChanged(endpoints) }
        let picker = cluster.loadBalancing.policy.makePicker(endpoints, random: random)
        return ClusterRuntime(cluster: cluster, live: live, policies: policies, endpoints: endpoints, picker: picker)
    }

    /// What is remembered of a cluster: all of it but what was learned under settings that are no more.
    private func liveState(
        of cluster: Cluster,
        _ endpoints: [EndpointState],
        replacing previous: ClusterRuntime?
    ) -> ClusterLiveState {
        guard let previous else {
            return ClusterLiveState(
                retryBudget: budget(of: cluster),
                outlierDetector: detector(of: cluster),
                breakers: CircuitBreakerTable()
            )
        }
        let keepsDetector = previous.cluster.outlierDetection == cluster.outlierDetection
        let keepsBreakers = previous.cluster.circuitBreaker == cluster.circuitBreaker
        let keepsBudget = previous.cluster.policies.retryBudget == cluster.policies.retryBudget
        if keepsDetector, keepsBreakers, keepsBudget { return previous.live }
        // Verdicts end with the policy that passed them: whoever comes after it knows nothing of them, counts nobody as
        // ejected and never reports a return.
        for endpoint in endpoints {
            if !keepsDetector {
                endpoint.consecutiveFailures.store(0, ordering: .relaxed)
                endpoint.ejectedUntil.store(0, ordering: .relaxed)
            }
            if !keepsBreakers { endpoint.refusedUntil.store(0, ordering: .relaxed) }
        }
        return ClusterLiveState(
            retryBudget: keepsBudget ? previous.live.retryBudget : budget(of: cluster),
            outlierDetector: keepsDetector ? previous.live.outlierDetector : detector(of: cluster),
            breakers: keepsBreakers ? previous.live.breakers : CircuitBreakerTable()
        )
    }

    private func budget(of cluster: Cluster) -> RetryBudget? {
        (cluster.policies.retryBudget ?? configuration.retryBudget)?.makeBudget(cluster: cluster.name)
    }

    private func detector(of cluster: Cluster) -> OutlierDetector? {
        cluster.outlierDetection.map { OutlierDetector($0, cluster: cluster.name, observers: observers) }
    }
}

extension RetryBudgetChoice {
    fileprivate func makeBudget(cluster: String) -> RetryBudget {
        switch self {
        case .tokens(let plan): RetryBudget(validated: plan, cluster: cluster)
        case .concurrency(let plan): RetryBudget(validated: plan, cluster: cluster)
        case .throttle(let plan): RetryBudget(validated: plan, cluster: cluster)
        case .quota(let plan): RetryBudget(validated: plan, cluster: cluster)
        }
    }
}

extension Cluster {
    /// The endpoints of the highest priority that has any, each with all that a transport must know.
    fileprivate func usableEndpoints(
        of assignment: EndpointAssignment?
    ) -> [(Endpoint, weight: UInt32, hashKey: String)] {
        var usable: [LocalityEndpoints] = []
        for var group in assignment?.localities ?? [] {
            group.endpoints.removeAll { !$0.health.isUsable }
            if !group.endpoints.isEmpty { usable.append(group) }
        }
        guard let priority = usable.map(\.priority).min() else { return [] }
        let groups = usable.filter { $0.priority == priority }
        let weights = LocalityWeights.endpointWeights(of: groups).joined()
        return zip(groups.flatMap(\.endpoints), weights).map { (endpoint(for: $0), weight: $1, hashKey: $0.hashKey) }
    }

    private func endpoint(for endpoint: ClusterEndpoint) -> Endpoint {
        Endpoint(
            address: endpoint.address,
            security: security(of: endpoint),
            serverName: serverName,
            connectTimeout: connectTimeout,
            maximumPendingRequests: Int(concurrencyLimit.maximumPendingRequests),
            maximumConnections: Int(concurrencyLimit.maximumConnections),
            connection: connection,
            proxy: proxy.address(for: endpoint),
            cluster: name,
            hostname: endpoint.hostname
        )
    }

    private func security(of endpoint: ClusterEndpoint) -> Endpoint.Security {
        switch upstreamSecurity {
        case .plaintext: .plaintext
        case .automatic(let identities):
            endpoint.speaksMutualTLS ? .mutualTLS(acceptedIdentities: identities) : .plaintext
        case .mutualTLS(let identities): .mutualTLS(acceptedIdentities: identities)
        }
    }
}
