// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
public import MeshRouting

/// Where copies of a route's requests go, in the form that requests use.
@usableFromInline
struct Mirror: Sendable {
    @usableFromInline let configuration: RequestMirror
    /// One attempt at the cluster; `nil` where the request names it.
    let selection: RouteSelection?
    let routeName: String

    /// What a copy of a request is sent by; `nil` if the request names no cluster.
    func target(of request: some RequestHead, _ snapshot: RuntimeSnapshot, at now: MeshInstant) -> RouteSelection? {
        if let selection { return selection }
        guard let name = configuration.clusterName(for: request), let cluster = snapshot.clusters[name] else {
            return nil
        }
        return RouteSelection(copiesOf: routeName, to: name, cluster, at: now)
    }
}

extension RouteSelection {
    /// What copies are sent by: one attempt, without any policy of the route, and without its endpoints' labels, as in Envoy.
    convenience init(copiesOf route: String, to name: String, _ cluster: ClusterRuntime?, at now: MeshInstant) {
        self.init(
            routeName: route,
            clusterName: name,
            cluster: cluster,
            timeout: nil,
            attemptTimeout: nil,
            retry: nil,
            fault: nil,
            rateLimiter: nil,
            policies: .none,
            subsets: cluster?.subsetPickers(for: [:], at: now) ?? []
        )
    }
}
