// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
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
    /// The endpoints that requests went to until now and go to no more.
    /// - Complexity: O(endpoints of the clusters that have changed).
    func removedEndpoints(since previous: RuntimeSnapshot) -> Set<EndpointKey> {
        var removed: Set<EndpointKey> = []
        for (name, old) in previous.clusters {
            let new = clusters[name]
            guard new !== old else { continue }
            removed.formUnion(old.endpoints.map { EndpointKey($0.endpoint) })
            // A key names its cluster, so that no other one holds it.
            for endpoint in new?.endpoints ?? [] { removed.remove(EndpointKey(endpoint.endpoint)) }
        }
        return removed
    }
}
