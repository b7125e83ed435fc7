// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import Synchronization

/// Compiles a configuration, and carries over the live state of everything that it leaves alone.
struct RuntimeBuilder: Sendable {
    let configuration: MeshConfiguration
    let clock: any MeshClock
    let random: MeshRandom
    let observers: ObserverSet

    func build(
        _ snapshot: MeshSnapshot,
        replacing previous: RuntimeSnapshot
    ) throws(ConfigurationError) -> RuntimeSnapshot {
        let resources = snapshot.resources
        var clusters: [String: ClusterRuntime] = [:]
        for (name, cluster) in resources.clusters {
            clusters[name] = build(cluster, resources.endpoints(of: cluster), replacing: previous.clusters[name])
        }
        var limiters = RateLimiterPool(previous: previous, clock: clock, observers: observers)
        var faults = FaultInjectorPool(previous: previous, clock: clock, random: random, observers: observers)
        var inbound: [EndpointAddress: InboundRuntime] = [:]
        var hosts: [RouteTable<RouteRuntime>.Host] = []
        var claimed: Set<DomainPattern> = []
        for (name, listener) in resources.listenersInOrderOfClaims {
            switch listener.direction {
            case .inbound(let address, _):
                inbound[address] = try build(
                    inbound: listener,
                    resources.routes(of: listener),
                    limiters: &limiters,
                    faults: &faults
                )
            case .outbound:
                guard let routes = resources.routes(of: listener) else { continue }
                // The listener's own limit is one bucket, whichever of its routes a request takes; so are its faults.
                let shared = listener.rateLimit.map { limiters.limiter("outbound \(name)", $0) }
                let sharedFault = listener.fault.map { faults.injector("outbound \(name)", name: name, $0) }
                for host in routes.virtualHosts {
                    let domains = domains(of: host, listener: name).filter { claimed.insert($0).inserted }
                    guard !domains.isEmpty else { continue }
                    let compiled = host.routes.enumerated().map { number, route in
                        let place = "\(host.name)[\(number)]"
                        let limiter = route.rateLimit.map { limiters.limiter("\(name) \(host.name) \(route.name)", $0) }
                        return (
                            match: route.match,
                            value: build(
                                route,
                                place: place,
                                listener: listener,
                                clusters: clusters,
                                limiter: limiter ?? shared,
                                sharedFault: sharedFault,
                                faults: &faults
                            )
                        )
                    }
                    hosts.append(RouteTable.Host(name: host.name, domains: domains, routes: compiled))
                }
            }
        }
        return RuntimeSnapshot(
            source: snapshot,
            routes: try OutboundRoutes(hosts),
            clusters: clusters,
            inbound: inbound,
            rateLimiters: limiters.made,
            faultInjectors: faults.made
        )
    }

    /// The authorities that a virtual host serves.
    ///
    /// A listener is chosen by its name (gRPC's `xds:///NAME`), so in it `*` means "whoever asked for this listener":
    /// requests to the listener's name, with and without its port. It must not swallow the other listeners' hosts.
    private func domains(of host: VirtualHost, listener: String) -> [DomainPattern] {
        host.domains.flatMap { domain -> [DomainPattern] in
            guard domain == .any else { return [domain] }
            let name = listener.lowercased()
            guard let address = EndpointAddress(authority: name), address.host != name else { return [.exact(name)] }
            return [.exact(name), .exact(address.host)]
        }
    }

    private func build(
        _ route: Route,
        place: String,
        listener: Listener,
        clusters: [String: ClusterRuntime],
        limiter: RateLimiter?,
        sharedFault: FaultInjector?,
        faults: inout FaultInjectorPool
    ) -> RouteRuntime {
        let name = route.name.isEmpty ? place : route.name
        guard case .forward(let forward) = route.action else {
            return RouteRuntime(name: name, listener: listener.name, route: route, clusters: nil, selections: [])
        }
        let spot = "\(listener.name) \(place)"
        let fault = route.fault.map { faults.injector(spot, name: name, $0) } ?? sharedFault
        let selections = forward.clusters.shares.map { share in
            let cluster = clusters[share.cluster]
            let own = forward.clusterFaults[share.cluster].map {
                faults.injector("\(spot) \(share.cluster)", name: name, $0)
            }
            return RouteSelection(
                routeName: name,
                clusterName: share.cluster,
                cluster: cluster,
                timeout: forward.timeout,
                retry: forward.retry.map { Retry($0, budget: cluster?.live.retryBudget) },
                fault: own ?? fault,
                rateLimiter: limiter
            )
        }
        return RouteRuntime(
            name: name,
            listener: listener.name,
            route: route,
            clusters: forward.clusters,
            selections: selections
        )
    }

    private func build(
        _ cluster: Cluster,
        _ assignment: EndpointAssignment?,
        replacing previous: ClusterRuntime?
    ) -> ClusterRuntime {
        var cluster = cluster
        if cluster.circuitBreaker == nil { cluster.circuitBreaker = configuration.circuitBreaker }
        let known = Dictionary((previous?.endpoints ?? []).map { ($0.endpoint.address, $0) }) { first, _ in first }
        let endpoints = cluster.usableEndpoints(of: assignment).map { endpoint, weight in
            guard let state = known[endpoint.address] else { return EndpointState(endpoint, weight: weight) }
            if state.endpoint == endpoint, state.weight == weight { return state }
            // What is held against an address holds however it is weighted, protected or connected to.
            return EndpointState(endpoint, weight: weight, succeeding: state)
        }
        if let previous, previous.cluster == cluster, previous.endpoints.elementsEqual(endpoints, by: ===) {
            return previous
        }
        let live = liveState(of: cluster, endpoints, replacing: previous)
        live.outlierDetector?.endpointsChanged(endpoints)
        live.keepBreakers(of: Set(endpoints.map(\.endpoint.address)))
        let picker = cluster.loadBalancing.policy.makePicker(endpoints, random: random)
        return ClusterRuntime(cluster: cluster, live: live, endpoints: endpoints, picker: picker)
    }

    /// What is remembered of a cluster: all of it but what was learned under settings that are no more.
    private func liveState(
        of cluster: Cluster,
        _ endpoints: [EndpointState],
        replacing previous: ClusterRuntime?
    ) -> ClusterLiveState {
        guard let previous else {
            return ClusterLiveState(
                retryBudget: configuration.retryBudget.map { RetryBudget($0, cluster: cluster.name) },
                outlierDetector: detector(of: cluster),
                breakers: CircuitBreakerTable()
            )
        }
        let keepsDetector = previous.cluster.outlierDetection == cluster.outlierDetection
        let keepsBreakers = previous.cluster.circuitBreaker == cluster.circuitBreaker
        if keepsDetector, keepsBreakers { return previous.live }
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
            retryBudget: previous.live.retryBudget,
            outlierDetector: keepsDetector ? previous.live.outlierDetector : detector(of: cluster),
            breakers: keepsBreakers ? previous.live.breakers : CircuitBreakerTable()
        )
    }

    private func detector(of cluster: Cluster) -> OutlierDetector? {
        cluster.outlierDetection.map { OutlierDetector($0, cluster: cluster.name, observers: observers) }
    }
}

extension MeshResources {
    /// The listeners in the order in which they claim the names that several of them want.
    ///
    /// Each port of a host has a listener, and all of them claim the host's names without a port. Such a name means
    /// port 80, as in Envoy's and Istio's configuration; if the host has no port 80, the smallest one gets it.
    fileprivate var listenersInOrderOfClaims: [(name: String, listener: Listener)] {
        let ranked = listeners.map { name, listener -> (rank: (String, UInt32, String), listener: Listener) in
            let authority = name.lowercased()
            let address = EndpointAddress(authority: authority)
            let place: UInt32 =
                switch address?.port {
                case nil: 0
                case 80?: 1
                case let port?: UInt32(port) + 1
                }
            return (rank: (address?.host ?? authority, place, name), listener: listener)
        }
        return ranked.sorted { $0.rank < $1.rank }.map { (name: $0.rank.2, listener: $0.listener) }
    }
}

extension Cluster {
    /// The endpoints of the highest priority that has any, each with all that a transport must know.
    fileprivate func usableEndpoints(of assignment: EndpointAssignment?) -> [(Endpoint, weight: UInt32)] {
        var usable: [LocalityEndpoints] = []
        for var group in assignment?.localities ?? [] {
            group.endpoints.removeAll { !$0.health.isUsable }
            if !group.endpoints.isEmpty { usable.append(group) }
        }
        guard let priority = usable.map(\.priority).min() else { return [] }
        let groups = usable.filter { $0.priority == priority }
        let weights = LocalityWeights.endpointWeights(of: groups).joined()
        return zip(groups.flatMap(\.endpoints), weights).map { (endpoint(for: $0), weight: $1) }
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
            cluster: name
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
