// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
public import MeshCore
public import MeshResilience
import MeshRouting

/// A route in the form that requests use.
@usableFromInline
final class RouteRuntime: Sendable {
    /// The route's name, or its place if it has none.
    let name: String
    /// The listener that it stands in, for `explain`.
    let listener: String
    let route: Route
    /// How its traffic is split; `nil` if the route does not forward.
    let clusters: WeightedClusters?
    /// What is decided once a cluster is drawn: one for each of the clusters, in their order.
    let selections: [RouteSelection]

    init(name: String, listener: String, route: Route, clusters: WeightedClusters?, selections: [RouteSelection]) {
        self.name = name
        self.listener = listener
        self.route = route
        self.clusters = clusters
        self.selections = selections
    }
}

/// A route and one of its clusters: all that the layers below route selection read. Requests carry a reference to it.
@usableFromInline
final class RouteSelection: Sendable {
    let routeName: String
    let clusterName: String
    /// `nil` if the configuration has no such cluster.
    let cluster: ClusterRuntime?
    @usableFromInline let timeout: Nanoseconds?
    /// The route's retries under the cluster's budget.
    @usableFromInline let retry: Retry?
    @usableFromInline let fault: FaultInjector?
    @usableFromInline let rateLimiter: RateLimiter?

    /// Whether a request may leave without encryption by it.
    var isCleartext: Bool { cluster?.isCleartext ?? false }

    init(
        routeName: String,
        clusterName: String,
        cluster: ClusterRuntime?,
        timeout: Nanoseconds?,
        retry: Retry?,
        fault: FaultInjector?,
        rateLimiter: RateLimiter?
    ) {
        self.routeName = routeName
        self.clusterName = clusterName
        self.cluster = cluster
        self.timeout = timeout
        self.retry = retry
        self.fault = fault
        self.rateLimiter = rateLimiter
    }
}

extension CallContext {
    /// What route selection decided; `nil` for requests that pass the mesh by.
    @inlinable var selection: RouteSelection? {
        // Only this module writes the field, and always a `RouteSelection`.
        route.map { unsafeDowncast($0, to: RouteSelection.self) }
    }
}
