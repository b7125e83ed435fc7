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
    @usableFromInline let loadShedder: LoadShedder?
    @usableFromInline let fallback: LocalReply?
    @usableFromInline let admissionControl: AdmissionControl?
    @usableFromInline let hedging: Hedging?
    @usableFromInline let adaptiveLimit: AdaptiveLimit?
    @usableFromInline let bulkhead: Bulkhead?
    @usableFromInline let circuitBreaker: CircuitBreaker?
    /// Whether requests pass the layers around the whole request.
    @usableFromInline let needsRequestLayers: Bool
    /// Whether attempts pass the layers around each of them.
    @usableFromInline let needsAttemptLayers: Bool

    /// Whether a request may leave without encryption by it.
    var isCleartext: Bool { cluster?.isCleartext ?? false }

    init(
        routeName: String,
        clusterName: String,
        cluster: ClusterRuntime?,
        timeout: Nanoseconds?,
        retry: Retry?,
        fault: FaultInjector?,
        rateLimiter: RateLimiter?,
        policies: TrafficPolicyRuntime
    ) {
        self.routeName = routeName
        self.clusterName = clusterName
        self.cluster = cluster
        self.timeout = timeout
        self.retry = retry
        self.fault = fault
        self.rateLimiter = rateLimiter
        self.loadShedder = policies.loadShedder
        self.fallback = policies.fallback
        self.admissionControl = policies.admissionControl
        self.hedging = policies.hedging
        self.adaptiveLimit = policies.adaptiveLimit
        self.bulkhead = policies.bulkhead
        self.circuitBreaker = policies.circuitBreaker
        self.needsRequestLayers = policies.loadShedder != nil || policies.fallback != nil
        self.needsAttemptLayers =
            policies.hedging != nil || policies.adaptiveLimit != nil || policies.bulkhead != nil
            || policies.circuitBreaker != nil
    }
}

extension CallContext {
    /// What route selection decided; `nil` for requests that pass the mesh by.
    @inlinable var selection: RouteSelection? {
        // Only this module writes the field, and always a `RouteSelection`.
        route.map { unsafeDowncast($0, to: RouteSelection.self) }
    }
}
