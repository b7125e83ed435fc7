// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience

/// A route and one of its clusters, where it is decided how far answers are shared.
///
/// An answer is one cluster's, and whoever waits for another's request lives by the settings of that request's route: its
/// timeouts, its limits, its faults. So requests join only those of the same route to the same cluster, wherever the
/// coalescing was configured. What is in memory has passed all that, and may serve the other routes of its place.
struct Crossing {
    /// The route's place and the cluster; the same in the next configuration.
    let key: String
    let route: String
    let onRoute: TrafficPolicies
    let cluster: String
    let onCluster: TrafficPolicies
    let listener: String
    let onListener: TrafficPolicies
    /// The faults of requests by this route to this cluster.
    let fault: FaultInjector?

    /// The fields that decide whether a request suffers faults: requests that differ in them must not be one.
    private var conditions: [HeaderName] {
        var names: [HeaderName] = []
        for matcher in fault?.configuration.headers ?? [] where !names.contains(matcher.name) {
            names.append(matcher.name)
        }
        return names
    }

    /// The memory of the requests, if they have one.
    /// - Parameters:
    ///   - ofCluster: The one that stands on the cluster.
    ///   - memories: Those of the listener by their clusters.
    func responseCache(
        ofCluster: RouteCache?,
        memories: inout [String: RouteCache],
        pool: inout PolicyPool
    ) -> RouteCache? {
        let conditions = conditions
        // Faults with conditions are this route's, and the keys that hold them are another memory's.
        if let own = onRoute.responseCache {
            return pool.responseCache(key, route, own, onRoute.sharing, conditions: conditions)
        }
        if let shared = onCluster.responseCache {
            guard !conditions.isEmpty else { return ofCluster }
            return pool.responseCache(key, cluster, shared, onCluster.sharing, conditions: conditions)
        }
        guard let shared = onListener.responseCache else { return nil }
        guard conditions.isEmpty else {
            return pool.responseCache(key, listener, shared, onListener.sharing, conditions: conditions)
        }
        if let known = memories[cluster] { return known }
        let made = pool.responseCache("listener \(listener) \(cluster)", listener, shared, onListener.sharing)
        memories[cluster] = made
        return made
    }

    /// What makes one of equal requests that overlap, if something does.
    func coalescing(pool: inout PolicyPool) -> RouteCoalescing? {
        for (name, policies) in [(route, onRoute), (cluster, onCluster), (listener, onListener)] {
            guard let configuration = policies.coalescing else { continue }
            return pool.coalescing(key, name, configuration, policies.sharing, conditions: conditions)
        }
        return nil
    }
}
