// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
public import MeshCore
public import MeshRouting

/// A configuration in the form that requests use: tables compiled, references resolved, live state attached.
@usableFromInline
final class RuntimeSnapshot: Sendable {
    /// The configuration that it was made from; `nil` before the first.
    let source: MeshSnapshot?
    /// The routes of every outbound listener, by scheme and authority.
    @usableFromInline let routes: OutboundRoutes
    /// The clusters by name.
    let clusters: [String: ClusterRuntime]
    /// The inbound listeners by address.
    let inbound: [EndpointAddress: InboundRuntime]
    /// The running policies by their places, for the configuration that comes next.
    let policies: [PolicyPool.Place: PolicyPool.Running]

    /// Decides an outbound request; the first route that matches wins.
    @inlinable
    func decide(
        _ request: some RequestHead,
        _ facts: @autoclosure () -> RoutingFacts
    ) -> RouteTable<RouteRuntime>.Decision {
        routes.decide(request, facts())
    }

    var generation: UInt64 { source?.generation ?? 0 }

    init(
        source: MeshSnapshot?,
        routes: OutboundRoutes,
        clusters: [String: ClusterRuntime],
        inbound: [EndpointAddress: InboundRuntime],
        policies: [PolicyPool.Place: PolicyPool.Running]
    ) {
        self.source = source
        self.routes = routes
        self.clusters = clusters
        self.inbound = inbound
        self.policies = policies
    }

    /// Nothing is known yet.
    static let empty = RuntimeSnapshot(source: nil, routes: .empty, clusters: [:], inbound: [:], policies: [:])
}
