// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshRouting

/// A route in the form that requests use.
@usableFromInline
final class RouteRuntime: Sendable {
    /// The route's name, or its place if it has none.
    let name: String
    /// The listener that it stands in, for `explain`.
    let listener: String
    let route: Route
    /// The rules of its virtual host and table, for `explain`.
    let surroundings: RouteSurroundings
    /// Where its requests go.
    let target: ClusterSpecifier?
    /// What is decided once a cluster is drawn: one for each of the clusters that the route names, in their order; a single
    /// one if it does not forward.
    let selections: [RouteSelection]
    /// In their places, the same by the name of the cluster where requests name it; under `noCluster` for one that does not
    /// exist.
    let namedSelections: [[String: RouteSelection]]
    /// No cluster has this name.
    static let noCluster = ""
    /// How its traffic is split; `nil` if a request names the cluster, or the route does not forward.
    let weights: WeightedClusters?
    /// Whether something is decided by the request's random number once the route is known.
    let needsRandom: Bool
    /// The status code where the cluster that a request names does not exist.
    let missingClusterStatus: Int
    /// Where the hash comes from by which consistent balancers pick.
    let hashPolicies: HashPolicies
    /// Whether anything is chosen by that hash.
    let picksByHash: Bool
    /// Whether more than one random number decides where a request goes: something in it is asked.
    @usableFromInline let asksRequest: Bool

    init(
        name: String,
        listener: String,
        route: Route,
        surroundings: RouteSurroundings,
        selections: [RouteSelection],
        namedSelections: [[String: RouteSelection]]
    ) {
        self.name = name
        self.listener = listener
        self.route = route
        self.surroundings = surroundings
        self.selections = selections
        self.namedSelections = namedSelections
        guard case .forward(let forward) = route.action else {
            self.target = nil
            self.weights = nil
            self.needsRandom = false
            self.hashPolicies = HashPolicies([])
            self.missingClusterStatus = 503
            self.asksRequest = true
            self.picksByHash = false
            return
        }
        self.target = forward.target
        self.weights = forward.weightedClusters
        self.hashPolicies = HashPolicies(forward.hashPolicies)
        self.missingClusterStatus = forward.missingClusterStatus
        self.picksByHash =
            forward.weightedClusters?.choice == .hash
            || (selections + namedSelections.flatMap(\.values)).contains { selection in
                selection.cluster?.picksByHash == true
            }
        self.needsRandom = selections.count > 1 || !surroundings.mirrors.isEmpty || route.cors != nil
        self.asksRequest =
            !forward.hashPolicies.isEmpty || forward.target.asksRequest
            || forward.streamDuration?.maximumOfHeader != nil || selections.contains { $0.passesThrough }
    }
}

extension ClusterSpecifier {
    /// Whether the cluster depends on what a request says.
    fileprivate var asksRequest: Bool {
        switch self {
        case .header: true
        case .clusters(let clusters): clusters.choice != .random || clusters.shares.contains { $0.clusterHeader != nil }
        }
    }
}
