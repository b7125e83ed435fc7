// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience

extension RouteSelection {
    /// Where a policy was configured: its name, and how people are told.
    private struct Place {
        var name: String
        var description: String
    }

    /// The policies that a request by this route to this cluster passes, the outermost first.
    ///
    /// - Parameter runtime: The route, which says what is its own; the rest is the cluster's or the listener's.
    func stack(of runtime: RouteRuntime) -> StackDescription {
        let route = runtime.route
        let onRoute = Place(name: routeName, description: "route \(routeName)")
        let onCluster = Place(name: clusterName, description: "cluster \(clusterName)")
        let onListener = Place(name: runtime.listener, description: "listener \(runtime.listener)")
        func place(where isConfigured: (TrafficPolicies) -> Bool) -> Place {
            if isConfigured(route.policies) { return onRoute }
            return cluster.map { isConfigured($0.cluster.policies) } ?? false ? onCluster : onListener
        }
        var policies: [PolicyDescription] = []
        func describe(
            _ configuration: (some PolicyConfiguration)?,
            _ slot: PolicySlot,
            _ place: Place,
            with further: [PolicySetting]? = nil
        ) {
            guard let configuration else { return }
            var description = PolicyDescription(configuration, in: slot, name: place.name, place: place.description)
            if let further { description.add(further, place: place.description) }
            policies.append(description)
        }
        if let fallback {
            let place = place { $0.fallback != nil }
            var status = PolicySetting("status", fallback.status)
            status.source = .configured(place.description)
            policies.append(PolicyDescription(slot: .fallback, name: place.name, settings: [status]))
        }
        describe(
            responseCache?.configuration,
            .cache,
            place { $0.responseCache != nil },
            with: responseCache?.rules.settings
        )
        describe(
            coalescing?.configuration,
            .coalescing,
            place { $0.coalescing != nil },
            with: coalescing?.rules.settings
        )
        describe(loadShedder?.configuration, .loadShedding, place { $0.loadShedding != nil })
        describe(keyedRateLimit?.configuration, .rateLimit, place { $0.keyedRateLimit != nil })
        if let limit = filters?.localLimit {
            let place = Place(name: limit.limiter.name, description: limit.place)
            describe(limit.limiter.configuration, .rateLimit, place)
        }
        describe(filters?.globalLimit?.limiter.configuration, .rateLimit, onListener)
        let hasOwnFault = route.fault != nil || runtime.clusterFault(clusterName) != nil
        describe(fault?.configuration, .fault, hasOwnFault ? onRoute : onListener)
        describe(rateLimiter?.configuration, .rateLimit, route.rateLimit != nil ? onRoute : onListener)
        describe(timeout, .totalTimeout, onRoute)
        if streamTimeout?.timeout != timeout?.timeout {
            if timeout == nil { policies.append(PolicyDescription(slot: .totalTimeout, settings: [])) }
            let limit = streamTimeout.map { "\($0.timeout.duration)" } ?? "none"
            policies[policies.count - 1].add(
                [PolicySetting("timeoutOfCalls", limit)],
                place: onRoute.description
            )
        }
        describe(admissionControl?.configuration, .admissionControl, place { $0.admissionControl != nil })
        func addBudget() {
            guard let budget = retry?.budget else { return }
            let isOfCluster = cluster?.cluster.policies.retryBudget != nil
            policies[policies.count - 1].add(
                budget.plan.settings.map { $0.renamed("budget.\($0.name)") },
                place: isOfCluster ? onCluster.description : "mesh"
            )
        }
        // Not those of the selection: what only counts the requests of hedges nobody has configured.
        let configured = runtime.retry
        describe(configured, .retry, onRoute)
        if configured != nil { addBudget() }
        describe(hedging?.configuration, .hedge, place { $0.hedging != nil })
        if hedging != nil, configured == nil { addBudget() }
        describe(adaptiveLimit?.configuration, .adaptiveLimit, place { $0.adaptiveLimit != nil })
        describe(bulkhead?.configuration, .bulkhead, place { $0.bulkhead != nil })
        describe(circuitBreaker?.configuration, .circuitBreaker, place { $0.circuitBreaker != nil })
        describe(attemptTimeout, .attemptTimeout, onRoute)
        if !deadlineHeaders.isEmpty {
            if attemptTimeout == nil { policies.append(PolicyDescription(slot: .attemptTimeout, settings: [])) }
            policies[policies.count - 1].add(
                [PolicySetting("deadlineHeaders", deadlineHeaders.names)],
                place: place { !$0.deadlineHeaders.isEmpty }.description
            )
        }
        return StackDescription(policies)
    }
}

extension RouteRuntime {
    /// The retries that the route's configuration asks for.
    fileprivate var retry: RetryPolicy? {
        guard case .forward(let forward) = route.action else { return nil }
        return forward.retry
    }

    /// The route's fault for what goes to one of its clusters.
    fileprivate func clusterFault(_ cluster: String) -> FaultConfiguration? {
        guard case .forward(let forward) = route.action else { return nil }
        return forward.clusterFaults[cluster]
    }
}

extension PolicySetting {
    fileprivate func renamed(_ name: String) -> PolicySetting {
        var renamed = self
        renamed.name = name
        return renamed
    }
}

extension DeadlineHeaders {
    /// The fields' names.
    var names: String {
        let envoy = contains(.envoy) ? [TimeoutHeaders.envoy.lowercased] : []
        let grpc = contains(.grpc) ? [TimeoutHeaders.grpc.lowercased] : []
        return (envoy + grpc).joined(separator: ", ")
    }
}
