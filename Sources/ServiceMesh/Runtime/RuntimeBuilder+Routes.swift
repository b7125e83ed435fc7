// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting

extension RuntimeBuilder {
    /// Compiles a route of an outbound listener.
    /// - Parameter memories: Those of the listener by their clusters.
    func build(
        _ route: Route,
        at place: RoutePlace,
        memories: inout [String: RouteCache],
        pool: inout PolicyPool
    ) -> RouteRuntime {
        let filters = place.filters.with(
            route.filters,
            at: .init(key: "filters of \(place.key)", name: place.name, description: "route \(place.name)"),
            pool: &pool
        )
        let fault = route.fault.map { pool.faultInjector(place.key, place.name, $0) } ?? place.sharedFault
        guard case .forward(let forward) = route.action else {
            return RouteRuntime(
                name: place.name,
                listener: place.listener.name,
                route: route,
                surroundings: place.surroundings,
                selections: [answer(route, filters, fault, at: place)],
                namedSelections: []
            )
        }
        let onRoute = OnRoute(
            forward: forward,
            filters: filters,
            fault: fault,
            policies: TrafficPolicyRuntime(
                route.policies.ofAllClusters,
                place: place.key,
                name: place.name,
                budget: nil,
                pool: &pool
            ),
            mirrors: place.surroundings.mirrors.map { mirror(by: $0, at: place) }
        )
        let selections = forward.shares.map { share in
            select(share, route, onRoute, at: place, memories: &memories, pool: &pool)
        }
        // A request may name any cluster.
        let namedSelections = forward.namedShares.map { share -> [String: RouteSelection] in
            guard var share else { return [:] }
            return ([RouteRuntime.noCluster] + place.clusters.keys).reduce(into: [:]) { selections, name in
                share.cluster = name
                selections[name] = select(share, route, onRoute, at: place, memories: &memories, pool: &pool)
            }
        }
        return RouteRuntime(
            name: place.name,
            listener: place.listener.name,
            route: route,
            surroundings: place.surroundings,
            selections: selections,
            namedSelections: namedSelections
        )
    }

    /// Compiles what requests of a route meet that does not forward them.
    private func answer(
        _ route: Route,
        _ filters: FilterChain,
        _ fault: FaultInjector?,
        at place: RoutePlace
    ) -> RouteSelection {
        let answer = RouteAnswer(route, name: place.name, place.surroundings)
        // Of a virtual host's own redirect no route, host or table says anything.
        let filters = route.isGuardian ? filters.ofListener : filters
        return RouteSelection(
            routeName: place.name,
            clusterName: "",
            cluster: nil,
            timeout: nil,
            attemptTimeout: nil,
            retry: nil,
            // Faults of one cluster are none of a route that has none.
            fault: fault?.concerns(cluster: "") == false ? nil : fault,
            rateLimiter: nil,
            policies: .none,
            filters: filters.compiled(for: route.action, route: place.name, cluster: ""),
            answer: answer,
            // Envoy heeds it on routes for servers, and not on those that answer by themselves.
            cors: route.action == .nonForwarding ? route.cors : nil
        )
    }

    /// What is the same for all clusters of a route.
    private struct OnRoute {
        let forward: RouteAction.Forward
        /// The listener's further filters, with what the route and its surroundings say of them.
        let filters: FilterChain
        /// The route's own faults, or else the listener's.
        let fault: FaultInjector?
        let policies: TrafficPolicyRuntime
        let mirrors: [Mirror]
    }

    /// Compiles what requests of a route to one of its clusters meet.
    private func select(
        _ share: WeightedCluster,
        _ route: Route,
        _ onRoute: OnRoute,
        at place: RoutePlace,
        memories: inout [String: RouteCache],
        pool: inout PolicyPool
    ) -> RouteSelection {
        let (name, key, forward) = (place.name, "\(place.key) \(share.cluster)", onRoute.forward)
        let listener = place.listener
        let cluster = place.clusters[share.cluster]
        let own = forward.clusterFaults[share.cluster].map { pool.faultInjector(key, name, $0) }
        var fault = own ?? onRoute.fault
        if fault?.concerns(cluster: share.cluster) == false { fault = nil }
        let filters = onRoute.filters.with(
            forward.clusterFilters[share.cluster] ?? .none,
            at: .init(key: "filters of \(key)", name: name, description: "route \(name) to \(share.cluster)"),
            pool: &pool
        )
        var policies = onRoute.policies
        policies.hedging = route.policies.hedging.map {
            pool.hedging(key, name, $0, budget: cluster?.live.retryBudget)
        }
        var onListener = place.onListener
        if policies.hedging == nil, cluster?.policies.hedging == nil {
            onListener.hedging = listener.policies.hedging.map {
                let place = "listener \(listener.name) \(share.cluster)"
                return pool.hedging(place, listener.name, $0, budget: cluster?.live.retryBudget)
            }
        }
        var inForce = policies.completed(by: cluster?.policies ?? .none).completed(by: onListener)
        let crossing = Crossing(
            key: key,
            route: name,
            onRoute: route.policies,
            cluster: share.cluster,
            onCluster: cluster?.cluster.policies ?? .none,
            listener: listener.name,
            onListener: listener.policies,
            fault: fault
        )
        inForce.responseCache = crossing.responseCache(
            ofCluster: cluster?.policies.responseCache,
            memories: &memories,
            pool: &pool
        )
        inForce.coalescing = crossing.coalescing(pool: &pool)
        let retry = inForce.hedging.map { forward.retryBeside($0) } ?? forward.retry
        return RouteSelection(
            routeName: name,
            clusterName: share.cluster,
            cluster: cluster,
            timeout: forward.effectiveTimeout.map {
                DeadlineConfiguration(timeout: $0, name: name, mode: forward.timeoutMode)
            },
            streamTimeout: forward.timeoutOfCalls(on: listener).map {
                DeadlineConfiguration(timeout: $0, name: name, mode: forward.timeoutMode)
            },
            attemptTimeout: forward.retry?.perTryTimeout.map {
                DeadlineConfiguration(timeout: $0, name: share.cluster, mode: forward.attemptTimeoutMode)
            },
            retry: retry.map {
                Retry(validated: $0, budget: cluster?.live.retryBudget, name: share.cluster)
            },
            fault: fault,
            rateLimiter: place.limiter,
            policies: inForce,
            filters: filters.compiled(for: route.action, route: name, cluster: share.cluster),
            isHighPriority: forward.priority == .high,
            subsets: cluster?.subsetPickers(
                for: forward.endpointLabels.merging(share.endpointLabels) { $1 },
                at: clock.now
            ) ?? [],
            edits: RouteEdits(route, forward, share, name: name, place.surroundings),
            cors: route.cors,
            mirrors: onRoute.mirrors,
            internalRedirects: forward.internalRedirects,
            missingClusterStatus: forward.missingClusterStatus
        )
    }

    private func mirror(by configuration: RequestMirror, at place: RoutePlace) -> Mirror {
        var selection: RouteSelection?
        if case .cluster(let name) = configuration.target {
            selection = RouteSelection(copiesOf: place.name, to: name, place.clusters[name], at: clock.now)
        }
        return Mirror(configuration: configuration, selection: selection, routeName: place.name)
    }
}

extension TrafficPolicies {
    /// What is one for all clusters of a route: not hedges, which draw on a cluster's budget, and not what shares answers,
    /// which are a cluster's.
    fileprivate var ofAllClusters: TrafficPolicies {
        var policies = self
        policies.hedging = nil
        policies.responseCache = nil
        return policies
    }
}

extension RouteAction.Forward {
    /// How long a request may take. Envoy leaves a route's `timeout` aside where it limits the duration of streams.
    fileprivate var effectiveTimeout: Nanoseconds? {
        guard let streamDuration, let maximum = streamDuration.maximum else { return timeout }
        return maximum == .zero ? nil : maximum
    }

    /// How long a gRPC call may take (gRFC A31).
    fileprivate func timeoutOfCalls(on listener: Listener) -> Nanoseconds? {
        let own = streamDuration?.maximum ?? (sparesCalls ? nil : timeout)
        let limit = own ?? listener.maximumStreamDuration ?? .zero
        return limit == .zero ? nil : limit
    }

    /// The shares whose cluster requests name, in the places of all shares.
    fileprivate var namedShares: [WeightedCluster?] {
        switch target {
        case .header: [WeightedCluster("")]
        case .clusters(let clusters): clusters.shares.map { $0.clusterHeader == nil ? nil : $0 }
        }
    }
}
