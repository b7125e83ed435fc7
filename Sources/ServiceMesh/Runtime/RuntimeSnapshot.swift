// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
public import MeshCore
public import MeshRouting
import Synchronization

/// A configuration in the form that requests use: tables compiled, references resolved, live state attached.
@usableFromInline
final class RuntimeSnapshot: Sendable {
    /// The configuration that it was made from; `nil` before the first.
    let source: MeshSnapshot?
    /// The routes of every outbound listener, by scheme and authority.
    @usableFromInline let routes: OutboundRoutes
    /// The clusters by name.
    let clusters: ClusterTable
    /// The inbound listeners by address.
    let inbound: [EndpointAddress: InboundRuntime]
    /// The secrets that clusters and listeners use.
    let secrets: SecretTable
    /// The running policies by their places, for the configuration that comes next.
    let policies: [PolicyPool.Place: PolicyPool.Running]
    private let dependency: Dependency

    /// Who depends on whose endpoints, once somebody has asked: the same in all snapshots that differ in endpoints alone.
    private final class Dependency: Sendable {
        let dependents = Mutex<ClusterDependents?>(nil)
    }

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
        clusters: ClusterTable,
        inbound: [EndpointAddress: InboundRuntime],
        secrets: SecretTable = .empty,
        policies: [PolicyPool.Place: PolicyPool.Running]
    ) {
        self.dependency = Dependency()
        self.source = source
        self.routes = routes
        self.clusters = clusters
        self.inbound = inbound
        self.secrets = secrets
        self.policies = policies
    }

    /// A snapshot that differs from another one in the endpoints of some clusters.
    init(source: MeshSnapshot, routes: OutboundRoutes, clusters: ClusterTable, replacing previous: RuntimeSnapshot) {
        self.source = source
        self.routes = routes
        self.clusters = clusters
        self.inbound = previous.inbound
        self.secrets = previous.secrets
        self.policies = previous.policies
        self.dependency = previous.dependency
    }

    /// Who has to know when the endpoints of a cluster are others.
    func dependents(localCluster: String) -> ClusterDependents {
        if let known = dependency.dependents.withLock({ $0 }) { return known }
        let found = ClusterDependents(of: self, localCluster: localCluster)
        dependency.dependents.withLock { $0 = found }
        return found
    }

    /// Nothing is known yet.
    static let empty = RuntimeSnapshot(source: nil, routes: .empty, clusters: [:], inbound: [:], policies: [:])
}
