// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshResilience
import Synchronization

extension RuntimeBuilder {
    /// Compiles the clusters of a configuration; those that it leaves alone are taken over.
    func buildClusters(
        of resources: MeshResources,
        hosts named: HostTable,
        secrets: SecretTable,
        replacing previous: RuntimeSnapshot,
        pool: inout PolicyPool
    ) -> ClusterTable {
        var clusters: [String: ClusterRuntime] = [:]
        for (name, cluster) in resources.clusters where cluster.members.isEmpty {
            clusters[name] = build(
                cluster,
                named.resolving(resources.endpoints(of: cluster), of: cluster),
                ownZone: ownZone(for: cluster, in: resources),
                secrets: secrets[cluster.secrets],
                replacing: previous.clusters[name],
                pool: &pool
            )
        }
        for (name, cluster) in resources.clusters where !cluster.members.isEmpty {
            let members = resources.leaves(of: cluster).compactMap { clusters[$0] }
            clusters[name] = build(cluster, of: members, replacing: previous.clusters[name], pool: &pool)
        }
        return ClusterTable(clusters)
    }

    /// Compiles a cluster, or takes over the one that runs.
    func build(
        _ cluster: Cluster,
        _ assignment: EndpointAssignment?,
        ownZone: OwnZone?,
        secrets: DeliveredSecrets?,
        replacing previous: ClusterRuntime?,
        pool: inout PolicyPool
    ) -> ClusterRuntime {
        var cluster = cluster
        if cluster.circuitBreaker == nil { cluster.circuitBreaker = configuration.circuitBreaker }
        let isAsking = cluster.healthCheck != nil && healthChecks.isAsking
        let statistics = loadStatistics(of: cluster)
        let origin = ClusterRuntime.Origin(
            assignment: assignment,
            ownZone: ownZone,
            secrets: secrets,
            isAsking: isAsking
        )
        // Most clusters are as they were in most configurations: nothing of them is made to be compared.
        if let previous, cluster.policies == .none, previous.origin == origin, previous.cluster == cluster,
            previous.loadStatistics === statistics
        {
            return previous
        }
        let known = Dictionary((previous?.endpoints ?? []).map { ($0.endpoint.address, $0) }) { first, _ in first }
        let health = previous?.live.health ?? signal(of: cluster)
        let groups = cluster.groups(
            of: assignment,
            known: known,
            signal: health,
            statistics: statistics,
            secrets: secrets,
            isAsking: isAsking,
            at: clock.now
        )
        let endpoints = groups.flatMap(\.endpoints)
        let settings = BalancingSettings(
            overprovisioningFactor: assignment?.overprovisioningFactor ?? 140,
            panicThreshold: cluster.panicThreshold,
            priorities: cluster.priorities,
            localities: cluster.localities,
            ownZone: ownZone
        )
        let drops = assignment?.dropOverloads ?? []
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
            previous.picker.settings == settings, previous.dropOverloads == drops,
            previous.loadStatistics === statistics
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
        let subsets = cluster.subsets.map {
            SubsetPickers(
                $0,
                groups,
                policy: cluster.loadBalancing.policy,
                settings: settings,
                signal: health,
                random: random
            )
        }
        return ClusterRuntime(
            cluster: cluster,
            live: live,
            policies: policies,
            groups: groups,
            picker: picker,
            subsets: subsets,
            dropOverloads: drops,
            loadStatistics: statistics,
            origin: origin
        )
    }

    /// What is remembered of a cluster: all of it but what was learned under settings that are no more.
    func liveState(
        of cluster: Cluster,
        _ endpoints: [EndpointState],
        _ health: ClusterSignal,
        replacing previous: ClusterRuntime?
    ) -> ClusterLiveState {
        guard let previous else {
            return ClusterLiveState(
                retryBudget: budget(of: cluster),
                outlierDetector: detector(of: cluster),
                breakers: CircuitBreakerTable(),
                health: health,
                traffic: ClusterTraffic()
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
            health: health,
            traffic: previous.live.traffic
        )
    }

    /// What those who balance a new cluster's requests let others know.
    func signal(of cluster: Cluster) -> ClusterSignal {
        ClusterSignal(renewal: tables, cluster: cluster.name, observers: observers)
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
    /// - Parameters:
    ///   - known: The endpoints that there are by their addresses; what did not change is taken over.
    ///   - isAsking: Whether somebody asks endpoints how they are.
    fileprivate func groups(
        of assignment: EndpointAssignment?,
        known: [EndpointAddress: EndpointState],
        signal: ClusterSignal,
        statistics: ClusterLoadStatistics?,
        secrets: DeliveredSecrets?,
        isAsking: Bool,
        at now: MeshInstant
    ) -> [PriorityGroup] {
        let localities = assignment?.localities ?? []
        guard let last = localities.map(\.priority).max() else { return [] }
        return (0...Int(last)).map { priority in
            PriorityGroup(
                localities.filter { $0.priority == priority }.map { group in
                    let place = (group.locality, statistics?.place(group.locality))
                    let endpoints = group.endpoints.map {
                        state(of: $0, priority: priority, known, signal, place, secrets, isAsking, now)
                    }
                    return PriorityGroup.Place(
                        locality: group.locality,
                        weight: group.weight,
                        endpoints: endpoints
                    )
                }
            )
        }
    }

    private func state(
        of endpoint: ClusterEndpoint,
        priority: Int,
        _ known: [EndpointAddress: EndpointState],
        _ signal: ClusterSignal,
        _ place: (locality: Locality, statistics: LocalityLoadStatistics?),
        _ secrets: DeliveredSecrets?,
        _ isAsking: Bool,
        _ now: MeshInstant
    ) -> EndpointState {
        let description = self.endpoint(for: endpoint, in: place.locality, secrets)
        let health = endpoint.health.endpointHealth
        let known = known[endpoint.address]
        let checker = checker(of: endpoint, succeeding: known, isAsking: isAsking, signal: signal)
        guard let state = known else {
            return EndpointState(
                description,
                weight: endpoint.weight,
                health: health,
                priority: priority,
                hashKey: endpoint.hashKey,
                labels: endpoint.labels,
                joinedAt: now,
                checker: checker,
                signal: signal,
                loadStatistics: place.statistics
            )
        }
        let isSame =
            state.endpoint == description && state.weight == endpoint.weight && state.statedHealth == health
            && state.priority == priority && state.hashKey == endpoint.hashKey && state.checker === checker
            && state.labels == endpoint.labels && state.loadStatistics === place.statistics
        if isSame { return state }
        // What is held against an address holds however it is weighted, protected or connected to.
        return EndpointState(
            description,
            weight: endpoint.weight,
            health: health,
            priority: priority,
            hashKey: endpoint.hashKey,
            labels: endpoint.labels,
            checker: checker,
            loadStatistics: place.statistics,
            succeeding: state,
            at: now
        )
    }

    private func endpoint(
        for endpoint: ClusterEndpoint,
        in locality: Locality,
        _ secrets: DeliveredSecrets?
    ) -> Endpoint {
        let security = security(of: endpoint)
        return Endpoint(
            address: endpoint.address,
            security: security,
            serverName: serverName,
            connectTimeout: connectTimeout,
            maximumPendingRequests: Int(concurrencyLimit.maximumPendingRequests),
            maximumConnections: Int(concurrencyLimit.maximumConnections),
            connection: connection,
            proxy: proxy.address(for: endpoint),
            cluster: name,
            hostname: endpoint.hostname,
            additionalAddresses: endpoint.additionalAddresses,
            resolvedHost: endpoint.resolvedHost,
            secrets: security == .plaintext ? nil : secrets,
            peerNames: security == .plaintext ? [] : peerNames,
            locality: locality
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
