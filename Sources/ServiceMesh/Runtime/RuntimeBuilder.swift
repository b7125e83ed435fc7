// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting
import Synchronization

/// Compiles a configuration, and carries over the live state of everything that it leaves alone.
struct RuntimeBuilder: Sendable {
    let configuration: MeshConfiguration
    let clock: any MeshClock
    let random: MeshRandom
    let observers: ObserverSet
    let timers: TimerWheel

    func build(
        _ snapshot: MeshSnapshot,
        replacing previous: RuntimeSnapshot
    ) throws(ConfigurationError) -> RuntimeSnapshot {
        let resources = snapshot.resources
        var pool = PolicyPool(previous: previous, builder: self)
        var clusters: [String: ClusterRuntime] = [:]
        for (name, cluster) in resources.clusters {
            let endpoints = resources.endpoints(of: cluster)
            clusters[name] = build(cluster, endpoints, replacing: previous.clusters[name], pool: &pool)
        }
        var inbound: [EndpointAddress: InboundRuntime] = [:]
        var hosts: [RouteTable<RouteRuntime>.Options: [RouteTable<RouteRuntime>.Host]] = [:]
        var internalOnlyHeaders: Set<HeaderName> = []
        var claimed: Set<DomainPattern> = []
        for (name, listener) in resources.listenersInOrderOfClaims {
            switch listener.direction {
            case .inbound(let address, _):
                inbound[address] = try build(
                    inbound: listener,
                    resources.routes(of: listener),
                    pool: &pool
                )
            case .outbound:
                guard let routes = resources.routes(of: listener) else { continue }
                internalOnlyHeaders.formUnion(routes.internalOnlyHeaders)
                // The listener's own limit is one bucket, whichever of its routes a request takes; so are its faults.
                let shared = listener.rateLimit.map { pool.rateLimiter("outbound \(name)", $0) }
                let sharedFault = listener.fault.map { pool.faultInjector("outbound \(name)", name, $0) }
                var shareable = listener.policies
                shareable.hedging = nil
                // What clusters answer is not the same: a memory is one for all routes, and not for all clusters.
                shareable.responseCache = nil
                var memories: [String: RouteCache] = [:]
                let onListener = TrafficPolicyRuntime(
                    shareable,
                    place: "listener \(name)",
                    name: name,
                    budget: nil,
                    pool: &pool
                )
                let onTable = FilterChain(of: listener, pool: &pool).with(
                    routes.filters,
                    at: .init(key: "filters of \(name) table", name: name, description: "table \(routes.name)"),
                    pool: &pool
                )
                for host in routes.virtualHosts {
                    let domains = domains(of: host, listener: name).filter { claimed.insert($0).inserted }
                    guard !domains.isEmpty else { continue }
                    let onHost = onTable.counted(under: host.rateLimits).with(
                        host.filters,
                        at: .init(
                            key: "filters of \(name) \(host.name)",
                            name: host.name,
                            description: "virtual host \(host.name)"
                        ),
                        pool: &pool
                    )
                    var compiled: [(match: RouteMatch, value: RouteRuntime)] = []
                    let plan = RoutePlan(host)
                    for (number, route) in plan.routes.enumerated() {
                        let key = "\(name) \(host.name) \(route.name)"
                        let limiter = route.rateLimit.map { pool.rateLimiter(key, $0) }
                        let place = RoutePlace(
                            name: route.name.isEmpty ? "\(host.name)[\(number)]" : route.name,
                            key: "route \(key)",
                            listener: listener,
                            surroundings: RouteSurroundings(route, in: host, of: routes),
                            clusters: clusters,
                            limiter: limiter ?? shared,
                            sharedFault: sharedFault,
                            onListener: onListener,
                            filters: onHost
                        )
                        let value = build(route, at: place, memories: &memories, pool: &pool)
                        compiled.append((match: route.match, value: value))
                    }
                    hosts[routes.options, default: []].append(
                        RouteTable.Host(name: host.name, domains: domains, routes: compiled, tree: plan.tree)
                    )
                }
            }
        }
        try pool.problems.throwIfAny()
        return RuntimeSnapshot(
            source: snapshot,
            routes: try OutboundRoutes(hosts, internalOnlyHeaders: internalOnlyHeaders),
            clusters: clusters,
            inbound: inbound,
            policies: pool.made
        )
    }

    /// The authorities that a virtual host serves.
    ///
    /// A listener is chosen by its name (gRPC's `xds:///NAME`), so in it `*` means "whoever asked for this listener":
    /// requests to the listener's name, with and without its port. It must not swallow the other listeners' hosts, but for
    /// the one that the application says is there for that.
    private func domains(of host: VirtualHost, listener: String) -> [DomainPattern] {
        host.domains.flatMap { domain -> [DomainPattern] in
            guard domain == .any, listener != configuration.catchAllListener else { return [domain] }
            let name = listener.lowercased()
            guard let address = EndpointAddress(authority: name), address.host != name else { return [.exact(name)] }
            return [.exact(name), .exact(address.host)]
        }
    }
}

extension RouteConfiguration {
    /// How the table reads authorities and paths.
    fileprivate var options: RouteTable<RouteRuntime>.Options {
        .init(ignoresPort: ignoresPort, ignoresPathParameters: ignoresPathParameters)
    }
}

extension MeshResources {
    /// The listeners in the order in which they claim the names that several of them want.
    ///
    /// Each port of a host has a listener, and all of them claim the host's names without a port. Such a name means
    /// port 80, as in Envoy's and Istio's configuration; if the host has no port 80, the smallest one gets it.
    var listenersInOrderOfClaims: [(name: String, listener: Listener)] {
        let ranked = listeners.map { name, listener -> (rank: (String, UInt32, String), listener: Listener) in
            let authority = name.lowercased()
            let address = EndpointAddress(authority: authority)
            let place: UInt32 =
                switch address?.port {
                case nil: 0
                case 80?: 1
                case let port?: UInt32(port) + 1
                }
            return (rank: (address?.host ?? authority, place, name), listener: listener)
        }
        return ranked.sorted { $0.rank < $1.rank }.map { (name: $0.rank.2, listener: $0.listener) }
    }
}
