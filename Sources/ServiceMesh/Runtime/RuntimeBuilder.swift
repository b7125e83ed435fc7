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
    /// Where this process is.
    let locality: Locality
    let clock: any MeshClock
    let random: MeshRandom
    let observers: ObserverSet
    let timers: TimerWheel
    let healthChecks: HealthCheckDriver
    let tables: TableRenewal
    let loadStatistics: LoadStatisticsBook
    let tokens: TokenAuthority

    func build(
        _ snapshot: MeshSnapshot,
        replacing previous: RuntimeSnapshot,
        hosts named: HostTable = HostTable()
    ) throws(ConfigurationError) -> RuntimeSnapshot {
        let resources = snapshot.resources
        var pool = PolicyPool(previous: previous, builder: self)
        let secrets = SecretTable(of: resources, replacing: previous.secrets)
        let clusters = buildClusters(
            of: resources,
            hosts: named,
            secrets: secrets,
            replacing: previous,
            pool: &pool
        )
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
                    let domains = host.names(on: listener, isCatchAll: name == configuration.catchAllListener)
                        .filter { claimed.insert($0).inserted }
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
                    hosts[routes.options(on: listener, configuration.routeSemantics), default: []].append(
                        RouteTable.Host(name: host.name, domains: domains, routes: compiled, tree: plan.tree)
                    )
                }
            }
        }
        try pool.problems.throwIfAny()
        let routes = try OutboundRoutes(hosts, internalOnlyHeaders: internalOnlyHeaders)
        // Before anybody can pick an endpoint that needs them, and not before it is certain that somebody will.
        secrets.deliver(resources.secrets)
        return RuntimeSnapshot(
            source: snapshot,
            routes: routes,
            clusters: clusters,
            inbound: inbound,
            secrets: secrets,
            policies: pool.made
        )
    }
}

extension RouteConfiguration {
    /// How the table reads authorities and paths. Where the listener stands for a port, its hosts' names have it.
    fileprivate func options(
        on listener: Listener,
        _ semantics: RouteSemantics
    ) -> RouteTable<RouteRuntime>.Options {
        .init(
            ignoresPort: ignoresPort && listener.capturedAddress == nil,
            ignoresPathParameters: ignoresPathParameters,
            semantics: semantics
        )
    }
}

extension MeshResources {
    /// The listeners in the order in which they claim the names that several of them want.
    ///
    /// Each port of a host has a listener, and all of them claim the host's names without a port. Such a name means
    /// port 80, as in Envoy's and Istio's configuration; if the host has no port 80, the smallest one gets it. Those that
    /// stand for a port come last, and of them those at one address first.
    var listenersInOrderOfClaims: [(name: String, listener: Listener)] {
        let ranked = listeners.map { name, listener -> (rank: (String, UInt32, String), listener: Listener) in
            if let address = listener.capturedAddress {
                // Behind every name.
                let host = address.isWildcard ? "\u{7F}\u{7F}" : "\u{7F}" + address.host
                return (rank: (host, UInt32(address.port ?? 0), name), listener: listener)
            }
            let authority = listener.hosts.first ?? name.lowercased()
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
