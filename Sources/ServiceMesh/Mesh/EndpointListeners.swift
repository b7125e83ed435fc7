// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
package import MeshCore
import Synchronization

/// Whoever keeps connections to endpoints, and closes those to endpoints that a push has taken away.
package protocol EndpointListener: AnyObject, Sendable {
    /// No new request goes to these endpoints; those under way may end. Called outside every lock.
    func endpointsRemoved(_ endpoints: Set<EndpointKey>)
}

/// The listeners of a mesh. It keeps none of them alive.
final class EndpointListeners: Sendable {
    private struct Entry {
        weak var listener: (any EndpointListener)?
    }

    private let entries = Mutex<[ObjectIdentifier: Entry]>([:])

    func add(_ listener: any EndpointListener) {
        entries.withLock { entries in
            entries = entries.filter { $0.value.listener != nil }
            entries[ObjectIdentifier(listener)] = Entry(listener: listener)
        }
    }

    func tell(removed endpoints: Set<EndpointKey>) {
        guard !endpoints.isEmpty else { return }
        for listener in entries.withLock({ $0.values.compactMap(\.listener) }) { listener.endpointsRemoved(endpoints) }
    }
}

extension RuntimeSnapshot {
    /// The clusters that were not there, and those that are not any more.
    func changedClusters(since previous: RuntimeSnapshot) -> (added: Set<String>, removed: Set<String>) {
        var changes: (added: Set<String>, removed: Set<String>) = ([], [])
        for name in clusters.keys where previous.clusters[name] == nil { changes.added.insert(name) }
        for name in previous.clusters.keys where clusters[name] == nil { changes.removed.insert(name) }
        return changes
    }

    /// What it changes, where it differs in some endpoint assignments alone.
    func applied(
        to assignments: [String: EndpointAssignment?],
        since previous: RuntimeSnapshot,
        localCluster: String
    ) -> SnapshotStore.Applied {
        let dependents = dependents(localCluster: localCluster)
        let names = assignments.keys.flatMap { dependents.clusters(of: $0) ?? [] }
        return SnapshotStore.Applied(
            generation: generation,
            clusters: ([], []),
            removedEndpoints: removedEndpoints(since: previous, of: names),
            concernsProbes: names.contains { name in
                guard let cluster = clusters[name] else { return false }
                return cluster.hasHealthCheck || cluster.cluster.loadBalancing.policy.loadReportPeriod != nil
            }
        )
    }

    /// The endpoints that requests went to until now and go to no more.
    /// - Complexity: O(clusters + endpoints of those that have changed).
    func removedEndpoints(since previous: RuntimeSnapshot) -> Set<EndpointKey> {
        removedEndpoints(since: previous, of: previous.clusters.keys)
    }

    private func removedEndpoints(since previous: RuntimeSnapshot, of names: [String]) -> Set<EndpointKey> {
        var removed: Set<EndpointKey> = []
        for name in names {
            guard let old = previous.clusters[name] else { continue }
            let new = clusters[name]
            guard new !== old else { continue }
            removed.formUnion(old.endpoints.map { EndpointKey($0.endpoint) })
            // A key names its cluster, so that no other one holds it.
            for endpoint in new?.endpoints ?? [] { removed.remove(EndpointKey(endpoint.endpoint)) }
        }
        return removed
    }
}
