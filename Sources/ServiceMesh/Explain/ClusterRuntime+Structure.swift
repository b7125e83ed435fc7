// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshRouting

extension ClusterRuntime {
    /// How priorities, localities and groups of the endpoints share the traffic, where it is not the default, in words.
    var structureSummary: [String] {
        var lines: [String] = []
        if case .failover(let timer) = cluster.priorities {
            lines.append("fails over to the next priority at once, and waits \(timer.duration) for one that is new")
        }
        switch cluster.localities {
        case .weighted: break
        case .unweighted: lines.append("weights of localities do not count")
        case .zoneAware(let zones): lines.append(summary(of: zones))
        }
        if let subsets = cluster.subsets {
            let kinds = subsets.selectors.map { $0.keys.sorted().joined(separator: "+") }.joined(separator: ", ")
            lines.append("subsets by \(kinds), else \(subsets.fallback)")
        }
        if !cluster.overrideHostHeaders.isEmpty {
            let names = cluster.overrideHostHeaders.map(\.lowercased).joined(separator: ", ")
            lines.append("goes to the endpoint that the request names in \(names), if it may be used")
        }
        lines += dropOverloads.map { "drops \($0.share) of the requests: \($0.category)" }
        return lines
    }

    private func summary(of zones: ZoneAware) -> String {
        guard let own = picker.settings.ownZone else {
            return "would keep requests in their zone, but the instances of the own cluster are not known"
        }
        let share = zones.enabledPercent < 100 ? "\(zones.enabledPercent)% of the requests" : "requests"
        let place = own.locality == Locality() ? "which is not known" : "\(own.locality)"
        return "keeps \(share) in their zone, \(place), from \(zones.minimumClusterSize) healthy endpoints on"
    }
}

extension Route {
    /// The labels of the endpoints that a share's requests go to.
    func labels(ofShare share: WeightedCluster) -> [String: MetadataValue] {
        guard case .forward(let forward) = action else { return [:] }
        return forward.endpointLabels.merging(share.endpointLabels) { $1 }
    }
}

extension [String: MetadataValue] {
    /// The labels in words, in the order of their names.
    var labelSummary: String {
        sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value.formatted ?? "null")" }.joined(separator: ", ")
    }
}
