// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshRouting

/// Who has to know when the endpoints of a cluster are others: found out once for all snapshots that differ in endpoints
/// alone.
final class ClusterDependents: Sendable {
    /// Where a route stands: its table among `OutboundRoutes.tables`, and its position in it.
    struct RoutePosition: Hashable, Sendable {
        var table: Int
        var position: Int
    }

    private let clustersByAssignment: [String: [String]]
    private let routes: [String: [RoutePosition]]
    /// The clusters on whose endpoints other clusters depend: parts of aggregates, and this process's own cluster.
    private let shared: Set<String>

    init(of snapshot: RuntimeSnapshot, localCluster: String) {
        var clustersByAssignment: [String: [String]] = [:]
        var shared: Set<String> = [localCluster]
        for (name, runtime) in snapshot.clusters {
            if let assignment = runtime.cluster.endpointAssignmentName {
                clustersByAssignment[assignment, default: []].append(name)
            }
            shared.formUnion(runtime.members.map(\.cluster.name))
        }
        var routes: [String: [RoutePosition]] = [:]
        for (number, table) in snapshot.routes.tables.enumerated() {
            for (position, route) in table.values.enumerated() {
                for name in route.clusterNames {
                    routes[name, default: []].append(RoutePosition(table: number, position: position))
                }
            }
        }
        self.clustersByAssignment = clustersByAssignment
        self.routes = routes
        self.shared = shared
    }

    /// The clusters that have an assignment's endpoints; `nil` if others depend on those.
    func clusters(of assignment: String) -> [String]? {
        let names = clustersByAssignment[assignment] ?? []
        return names.contains(where: shared.contains) ? nil : names
    }

    /// The routes that lead to a cluster, or copy requests to it.
    func routes(to cluster: String) -> [RoutePosition] { routes[cluster] ?? [] }
}

extension OutboundRoutes {
    /// Every table, in an order that depends on the configuration alone.
    var tables: [RouteTable<RouteRuntime>] { [byAuthority, byNameOfPort443] + others.flatMap(\.tables) }
}

extension RouteRuntime {
    /// The clusters that it leads to, and those that it copies requests to.
    fileprivate var clusterNames: Set<String> {
        var names: Set<String> = []
        for selection in selections + namedSelections.flatMap(\.values) {
            names.insert(selection.clusterName)
            for mirror in selection.mirrors { mirror.selection.map { _ = names.insert($0.clusterName) } }
        }
        return names
    }
}
