// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshRouting

extension RuntimeBuilder {
    /// Compiles a configuration that differs from the one in force in these endpoint assignments alone.
    ///
    /// The clusters that have them are compiled, and the routes that lead there are pointed at them; all else is the one
    /// that runs.
    /// - Returns: `nil` if more than that depends on them.
    /// - Complexity: O(their endpoints + the routes to them), and one reference for each route of the tables that those
    ///   stand in.
    func build(
        _ snapshot: MeshSnapshot,
        with assignments: [String: EndpointAssignment?],
        replacing previous: RuntimeSnapshot
    ) -> RuntimeSnapshot? {
        let dependents = previous.dependents(localCluster: configuration.localCluster)
        var pool = PolicyPool(previous: previous, builder: self)
        var changed: [String: ClusterRuntime] = [:]
        for (name, assignment) in assignments {
            guard let names = dependents.clusters(of: name) else { return nil }
            for name in names {
                guard let old = previous.clusters[name] else { return nil }
                let new = build(
                    old.cluster,
                    assignment,
                    ownZone: old.picker.settings.ownZone,
                    secrets: previous.secrets[old.cluster.secrets],
                    replacing: old,
                    pool: &pool
                )
                if new !== old { changed[name] = new }
            }
        }
        // What stands on those clusters runs already, as they are configured as they were.
        let isKnown = pool.made.allSatisfy { place, running in previous.policies[place]?.policy === running.policy }
        guard isKnown, pool.problems.problems.isEmpty else { return nil }
        var replacements: [Int: [Int: RouteRuntime]] = [:]
        let tables = previous.routes.tables
        for (name, cluster) in changed {
            for place in dependents.routes(to: name) {
                let route = replacements[place.table]?[place.position] ?? tables[place.table].values[place.position]
                replacements[place.table, default: [:]][place.position] =
                    route.replacing(name, by: cluster, at: clock.now)
            }
        }
        return RuntimeSnapshot(
            source: snapshot,
            routes: previous.routes.replacing(replacements),
            clusters: previous.clusters.replacing(changed),
            replacing: previous
        )
    }
}

extension OutboundRoutes {
    /// The same with other routes at some positions of the tables, by their places in `tables`.
    fileprivate func replacing(_ routes: [Int: [Int: RouteRuntime]]) -> OutboundRoutes {
        var next = 0
        return replacing(routes, &next)
    }

    private func replacing(_ routes: [Int: [Int: RouteRuntime]], _ next: inout Int) -> OutboundRoutes {
        let (byAuthority, byName) = (next, next + 1)
        next += 2
        let others = others.map { $0.replacing(routes, &next) }
        guard !routes.isEmpty else { return self }
        return OutboundRoutes(
            self,
            byAuthority: self.byAuthority.replacing(routes[byAuthority] ?? [:]),
            byNameOfPort443: byNameOfPort443.replacing(routes[byName] ?? [:]),
            others: others
        )
    }
}

extension RouteRuntime {
    /// The same with other endpoints of a cluster.
    fileprivate func replacing(_ name: String, by cluster: ClusterRuntime, at now: MeshInstant) -> RouteRuntime {
        var labels: [[String: MetadataValue]] = []
        if case .forward(let forward) = route.action {
            labels = forward.shares.map { forward.endpointLabels.merging($0.endpointLabels) { $1 } }
        }
        func replaced(_ selection: RouteSelection, at position: Int) -> RouteSelection {
            let isMirrored = selection.mirrors.contains { $0.selection?.clusterName == name }
            guard selection.clusterName == name || isMirrored else { return selection }
            return selection.with(
                selection.clusterName == name ? cluster : nil,
                labels: labels.indices.contains(position) ? labels[position] : [:],
                mirrors: isMirrored ? selection.mirrors.map { $0.replacing(name, by: cluster, at: now) } : nil,
                at: now
            )
        }
        let copies = selections.contains { $0.mirrors.contains { $0.selection?.clusterName == name } }
        return RouteRuntime(
            name: self.name,
            listener: listener,
            route: route,
            surroundings: surroundings,
            selections: selections.enumerated().map { replaced($1, at: $0) },
            namedSelections: namedSelections.enumerated().map { position, named in
                if copies { return named.mapValues { replaced($0, at: position) } }
                guard let selection = named[name] else { return named }
                var named = named
                named[name] = replaced(selection, at: position)
                return named
            }
        )
    }
}

extension Mirror {
    fileprivate func replacing(_ name: String, by cluster: ClusterRuntime, at now: MeshInstant) -> Mirror {
        guard selection?.clusterName == name else { return self }
        let copies = RouteSelection(copiesOf: routeName, to: name, cluster, at: now)
        return Mirror(configuration: configuration, selection: copies, routeName: routeName)
    }
}
