// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore

extension RuntimeBuilder {
    /// Where a cluster's requests are counted; `nil` if nobody wants to know.
    func loadStatistics(of cluster: Cluster) -> ClusterLoadStatistics? {
        cluster.loadStatisticsKey.map { loadStatistics.statistics(of: $0, at: clock.now) }
    }
}

extension RuntimeSnapshot {
    /// The clusters whose requests are counted.
    var loadStatisticsKeys: Set<LoadStatisticsBook.Key> {
        Set(clusters.values.compactMap { $0.loadStatistics == nil ? nil : $0.cluster.loadStatisticsKey })
    }
}

extension Cluster {
    /// Its place in the book; `nil` if nobody wants to know, or if it has no endpoints itself.
    fileprivate var loadStatisticsKey: LoadStatisticsBook.Key? {
        guard let loadStatistics, members.isEmpty else { return nil }
        var service = ""
        if case .endpointDiscovery(let other?) = discovery { service = other }
        return LoadStatisticsBook.Key(source: loadStatistics.source, cluster: name, service: service)
    }
}
