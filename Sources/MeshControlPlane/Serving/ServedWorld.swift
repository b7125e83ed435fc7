// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
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

    private let prepared: PreparedManifests
    private let cache = Mutex<[Node: MeshResources]>([:])

    init(version: String, prepared: PreparedManifests) {
        self.version = version
        self.prepared = prepared
    }

    /// The resources of a client; those of clients that are alike are compiled once.
    func resources(for node: Node) -> MeshResources {
        if let known = cache.withLock({ $0[node] }) { return known }
        // Two streams may compile the same at once; that costs less than making everybody wait.
        let resources = prepared.resources(for: node)
        let details = (node.labels?.count ?? 0) + node.inboundAddresses.count
        guard details <= Self.maximumCachedDetails else { return resources }
        cache.withLock { cache in
            if cache.count < Self.maximumCachedNodes { cache[node] = resources }
        }
        return resources
    }
}
