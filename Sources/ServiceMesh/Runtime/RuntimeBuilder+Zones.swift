// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore

extension RuntimeBuilder {
    /// What a cluster that keeps requests in their zone must know of this process; `nil` where it keeps none.
    func ownZone(for cluster: Cluster, in resources: MeshResources) -> OwnZone? {
        guard case .zoneAware(let zones) = cluster.localities, !configuration.localCluster.isEmpty,
            let own = resources.clusters[configuration.localCluster], let instances = resources.endpoints(of: own)
        else { return nil }
        var populations: [Locality: OwnZone.Population] = [:]
        // As in Envoy, whose own cluster has one priority.
        for place in instances.localities where place.priority == 0 && !place.endpoints.isEmpty {
            let healthy = place.endpoints.filter { $0.health.endpointHealth == .healthy }
            let degraded = place.endpoints.count { $0.health.endpointHealth == .degraded }
            populations[place.locality] = OwnZone.Population(
                total: place.endpoints.count,
                usable: healthy.count + degraded,
                strength: zones.basis == .endpoints
                    ? UInt64(healthy.count) : healthy.reduce(0) { $0 + UInt64($1.weight) }
            )
        }
        return OwnZone(locality, populations: populations)
    }
}
