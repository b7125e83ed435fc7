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
        let health = previous?.live.health ?? HealthSignal()
        let groups = cluster.groups(of: assignment, known: known, signal: health, at: clock.now)
        let endpoints = groups.flatMap(\.endpoints)
        let settings = BalancingSettings(
            overprovisioningFactor: assignment?.overprovisioningFactor ?? 140,
            panicThreshold: cluster.panicThreshold
        )
        let live = liveState(of: cluster, endpoints, health, replacing: previous)
        let policies = TrafficPolicyRuntime(
            cluster.policies,
            place: "cluster \(cluster.name)",
            name: cluster.name,
            budget: live.retryBudget,
            pool: &pool
        )
        if let previous, previous.cluster == cluster,
            previous.groups.elementsEqual(groups, by: { $0.isSame(as: $1) }),
            previous.picker.settings == settings
        {
            return previous
        }
        live.outlierDetector?.endpointsChanged(endpoints)
        if cluster.circuitBreaker != nil { live.breakers.endpointsChanged(endpoints) }
        let picker = PriorityPicker(
            groups,
            policy: cluster.loadBalancing.policy,
            settings: settings,
            signal: health,
            random: random,
            at: clock.now
        )
        return ClusterRuntime(cluster: cluster, live: live, policies: policies, groups: groups, picker: picker)
    }

    /// What is remembered of a cluster: all of it but what was learned under settings that are no more.
    private func liveState(
        of cluster: Cluster,
        _ endpoints: [EndpointState],
        _ health: HealthSignal,
        replacing previous: ClusterRuntime?
    ) -> ClusterLiveState {
        guard let previous else {
            return ClusterLiveState(
                retryBudget: budget(of: cluster),
                outlierDetector: detector(of: cluster),
                breakers: CircuitBreakerTable(),
                health: health
            )
        }
        let keepsDetector = previous.cluster.outlierDetection == cluster.outlierDetection
        let keepsBreakers = previous.cluster.circuitBreaker == cluster.circuitBreaker
        let keepsBudget = previous.cluster.policies.retryBudget == cluster.policies.retryBudget
        if keepsDetector, keepsBreakers, keepsBudget { return previous.live }
        // Verdicts end with the policy that passed them: whoever comes after it knows nothing of them, counts nobody as
        // ejected and never reports a return.
        for endpoint in endpoints {
            if !keepsDetector { endpoint.forgetFailures() }
            if !keepsBreakers { endpoint.refusedUntil.store(0, ordering: .relaxed) }
        }
        return ClusterLiveState(
            retryBudget: keepsBudget ? previous.live.retryBudget : budget(of: cluster),
            outlierDetector: keepsDetector ? previous.live.outlierDetector : detector(of: cluster),
            breakers: keepsBreakers ? previous.live.breakers : CircuitBreakerTable(),
            health: health
        )
    }

    private func budget(of cluster: Cluster) -> RetryBudget? {
        (cluster.policies.retryBudget ?? configuration.retryBudget)?.makeBudget(cluster: cluster.name)
    }

    private func detector(of cluster: Cluster) -> OutlierDetector? {
        cluster.outlierDetection.map {
            OutlierDetector($0, cluster: cluster.name, observers: observers, random: random, now: clock.now)
        }
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
    /// The endpoints by priority and place, each with all that a transport must know.
    /// - Parameter known: The endpoints that there are by their addresses; what did not change is taken over.
    fileprivate func groups(
        of assignment: EndpointAssignment?,
        known: [EndpointAddress: EndpointState],
        signal: HealthSignal,
        at now: MeshInstant
    ) -> [PriorityGroup] {
        let localities = assignment?.localities ?? []
        guard let last = localities.map(\.priority).max() else { return [] }
        return (0...Int(last)).map { priority in
            PriorityGroup(
                localities.filter { $0.priority == priority }.map { group in
                    let endpoints = group.endpoints.map { state(of: $0, priority: priority, known, signal, now) }
                    return PriorityGroup.Place(weight: group.weight, endpoints: endpoints)
                }
            )
        }
    }

    private func state(
        of endpoint: ClusterEndpoint,
        priority: Int,
        _ known: [EndpointAddress: EndpointState],
        _ signal: HealthSignal,
        _ now: MeshInstant
    ) -> EndpointState {
        let description = self.endpoint(for: endpoint)
        let health = endpoint.health.endpointHealth
        guard let state = known[endpoint.address] else {
            return EndpointState(
                description,
                weight: endpoint.weight,
                health: health,
                priority: priority,
                hashKey: endpoint.hashKey,
                joinedAt: now,
                signal: signal
            )
        }
        let isSame =
            state.endpoint == description && state.weight == endpoint.weight && state.health == health
            && state.priority == priority && state.hashKey == endpoint.hashKey
        if isSame { return state }
        // What is held against an address holds however it is weighted, protected or connected to.
        return EndpointState(
            description,
            weight: endpoint.weight,
            health: health,
            priority: priority,
            hashKey: endpoint.hashKey,
            succeeding: state,
            at: now
        )
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
