// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting

extension RuntimeResolution {
    /// A table.
    mutating func resolve(_ table: inout RouteConfiguration) {
        resolve(&table.mirrors)
        resolve(&table.filters)
        for position in table.virtualHosts.indices { resolve(&table.virtualHosts[position]) }
    }

    private mutating func resolve(_ host: inout VirtualHost) {
        resolve(&host.mirrors)
        resolve(&host.filters)
        resolve(&host.rateLimits)
        for position in host.routes.indices { resolve(&host.routes[position]) }
        host.matcher = host.matcher.map { tree in
            tree.map { list in
                var list = list
                for position in list.routes.indices { resolve(&list.routes[position]) }
                return list
            }
        }
    }

    private mutating func resolve(_ route: inout Route) {
        if var fraction = route.match.fraction {
            resolve(&fraction)
            route.match.fraction = fraction
        }
        if var fault = route.fault {
            resolve(&fault)
            route.fault = fault
        }
        if var cors = route.cors {
            resolve(&cors.enabled)
            resolve(&cors.observed)
            route.cors = cors
        }
        resolve(&route.policies)
        resolve(&route.filters)
        guard case .forward(var forward) = route.action else { return }
        if case .clusters(let clusters) = forward.target { forward.target = .clusters(weighed(clusters)) }
        if var mirrors = forward.mirrors {
            resolve(&mirrors)
            forward.mirrors = mirrors
        }
        for name in forward.clusterFaults.keys.sorted() {
            guard var fault = forward.clusterFaults[name] else { continue }
            resolve(&fault)
            forward.clusterFaults[name] = fault
        }
        for name in forward.clusterFilters.keys.sorted() {
            guard var filters = forward.clusterFilters[name] else { continue }
            resolve(&filters)
            forward.clusterFilters[name] = filters
        }
        resolve(&forward.rateLimits)
        route.action = .forward(forward)
    }

    private mutating func resolve(_ mirrors: inout [RequestMirror]) {
        for position in mirrors.indices { resolve(&mirrors[position].fraction) }
    }

    private mutating func resolve(_ limits: inout [RouteRateLimit]) {
        for position in limits.indices where !limits[position].disableKey.isEmpty {
            limits[position].share = share(limits[position].runtimeKey) ?? limits[position].share
        }
    }

    /// The split with the runtime's weights; all of its own where those make no split.
    private mutating func weighed(_ clusters: WeightedClusters) -> WeightedClusters {
        guard !clusters.runtimeKeyPrefix.isEmpty else { return clusters }
        var shares = clusters.shares
        var keys: [String] = []
        for position in shares.indices {
            let key = "\(clusters.runtimeKeyPrefix).\(shares[position].cluster)"
            guard let weight = wholeNumber(key, in: 0...UInt64(UInt32.max)) else { continue }
            shares[position].weight = UInt32(clamping: weight)
            keys.append(key)
        }
        guard !keys.isEmpty else { return clusters }
        do {
            return try WeightedClusters(
                shares,
                choice: clusters.choice,
                runtimeKeyPrefix: clusters.runtimeKeyPrefix
            )
        } catch {
            let reason = error.problems.first?.message ?? "the weights make no split"
            for key in keys { refuse(key, "\(reason); the weights of the configuration hold") }
            return clusters
        }
    }
}
