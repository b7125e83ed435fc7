// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshManifests
import Synchronization

/// All that is served at one moment: manifests and workloads that belong together, under one version.
final class ServedWorld: Sendable {
    /// The most clients whose resources are kept; more are compiled each time they ask.
    private static let maximumCachedNodes = 4096
    /// What a client says of itself is kept as a key, so it must not be large.
    private static let maximumCachedDetails = 128

    /// Later worlds have greater versions, those of a later process too.
    let version: String
    /// The place of the version among those of the process, from 1.
    let order: UInt64

    private let prepared: PreparedManifests
    private let draining: Set<EndpointAddress>
    private let cache = Mutex<[Node: MeshResources]>([:])

    /// - Parameter draining: Where instances listen that want no new requests.
    init(version: String, order: UInt64, prepared: PreparedManifests, draining: Set<EndpointAddress> = []) {
        self.version = version
        self.order = order
        self.prepared = prepared
        self.draining = draining
    }

    /// The resources of a client; those of clients that are alike are compiled once.
    func resources(for node: Node) -> MeshResources {
        if let known = cache.withLock({ $0[node] }) { return known }
        // Two streams may compile the same at once; that costs less than making everybody wait.
        var resources = prepared.resources(for: node)
        if !draining.isEmpty { resources.mark(draining: draining) }
        let details = (node.labels?.count ?? 0) + node.inboundAddresses.count
        guard details <= Self.maximumCachedDetails else { return resources }
        cache.withLock { cache in
            if cache.count < Self.maximumCachedNodes { cache[node] = resources }
        }
        return resources
    }
}

extension MeshResources {
    /// Tells clients to send nothing new there (`DRAINING` of `envoy.config.core.v3.HealthStatus`). What they have
    /// under way there goes on, which it would not if the endpoints were taken away.
    fileprivate mutating func mark(draining addresses: Set<EndpointAddress>) {
        for name in endpointAssignments.keys {
            endpointAssignments[name]?.mark(draining: addresses)
        }
        for name in clusters.keys {
            guard case .fixed(var assignment) = clusters[name]?.discovery else { continue }
            assignment.mark(draining: addresses)
            clusters[name]?.discovery = .fixed(assignment)
        }
    }
}

extension EndpointAssignment {
    fileprivate mutating func mark(draining addresses: Set<EndpointAddress>) {
        for place in localities.indices {
            for index in localities[place].endpoints.indices
            where addresses.contains(localities[place].endpoints[index].address) {
                localities[place].endpoints[index].health = .draining
            }
        }
    }
}
