// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting

extension RuntimeBuilder {
    /// Compiles an inbound listener. A route that forwards leads to the handler, as one that says `nonForwarding` does:
    /// Istio's sidecars forward to the application, gRPC's servers (A36) have no other place to go.
    func build(
        inbound listener: Listener,
        _ routes: RouteConfiguration?,
        pool: inout PolicyPool
    ) throws(ConfigurationError) -> InboundRuntime {
        let place = "inbound \(listener.name)"
        let shared = listener.rateLimit.map { pool.rateLimiter(place, $0) }
        // Nobody names the cluster that this process serves: faults for one cluster are about calls to others.
        let sharedFault = listener.fault.map { pool.faultInjector(place, listener.name, $0) }?.ofInbound
        let onListener = TrafficPolicyRuntime(
            listener.policies,
            place: place,
            name: listener.name,
            budget: nil,
            pool: &pool
        )
        let filters = FilterChain(of: listener, pool: &pool)
        let security = InboundSecurityChain(listener.filters, tokens)
        guard let routes, !routes.virtualHosts.isEmpty else {
            return InboundRuntime(
                listener: listener,
                rateLimiter: shared,
                fault: sharedFault,
                policies: InboundPolicies(onListener),
                filters: filters.compiled(for: .nonForwarding, route: listener.name, cluster: nil),
                security: security,
                routes: nil
            )
        }
        var hosts: [RouteTable<InboundRoute>.Host] = []
        let onTable = filters.with(
            routes.filters,
            at: .init(key: "filters of \(place) table", name: listener.name, description: "table \(routes.name)"),
            pool: &pool
        )
        for host in routes.virtualHosts {
            let onHost = onTable.counted(under: host.rateLimits).with(
                host.filters,
                at: .init(
                    key: "filters of \(place) \(host.name)",
                    name: host.name,
                    description: "virtual host \(host.name)"
                ),
                pool: &pool
            )
            var compiled: [(match: RouteMatch, value: InboundRoute)] = []
            for (number, route) in host.routes.enumerated() {
                let name = route.name.isEmpty ? "\(host.name)[\(number)]" : route.name
                let spot = "\(place) \(host.name) \(name)"
                let ownLimit = route.rateLimit.map { pool.rateLimiter(spot, $0) }
                let ownFault = route.fault.map { pool.faultInjector(spot, name, $0) }?.ofInbound
                let policies = TrafficPolicyRuntime(route.policies, place: spot, name: name, budget: nil, pool: &pool)
                var reply: LocalReply?
                if case .directResponse(let answer) = route.action { reply = answer }
                let onRoute = onHost.with(
                    route.filters,
                    at: .init(key: "filters of \(spot)", name: name, description: "route \(name)"),
                    pool: &pool
                )
                let own = [routes.filters, host.filters, route.filters] + (try Self.filtersOfShare(route, at: spot))
                let value = InboundRoute(
                    name: name,
                    fault: route.fault == nil ? sharedFault : ownFault,
                    rateLimiter: ownLimit ?? shared,
                    isLimitOfRoute: ownLimit != nil,
                    policies: InboundPolicies(policies.completed(by: onListener)),
                    filters: onRoute.compiled(for: route.action, route: name, cluster: nil),
                    security: security.overridden(by: own),
                    idle: route.policies.completed(by: listener.policies).aboutCallsToOthers,
                    reply: reply
                )
                compiled.append((match: route.match, value: value))
            }
            hosts.append(RouteTable.Host(name: host.name, domains: host.domains, routes: compiled))
        }
        return InboundRuntime(
            listener: listener,
            rateLimiter: shared,
            fault: sharedFault,
            policies: InboundPolicies(onListener),
            filters: nil,
            security: security,
            routes: try RouteTable(hosts),
            needsRandom: hosts.contains { $0.routes.contains { $0.match.fraction != nil } }
        )
    }
}

extension RuntimeBuilder {
    /// What the only share of a route says of filters. All requests come here, whatever share they are of: who may pass must
    /// not hang on it.
    fileprivate static func filtersOfShare(
        _ route: Route,
        at spot: String
    ) throws(ConfigurationError) -> [FilterOverrides] {
        guard case .forward(let forward) = route.action else { return [] }
        let said = forward.clusterFilters.values.filter { !$0.authorization.isEmpty }
        guard let first = said.first else { return [] }
        let count = forward.weightedClusters.map { Set($0.shares.map(\.cluster)).count } ?? 1
        guard said.count == count, said.allSatisfy({ $0.authorization == first.authorization }) else {
            throw ConfigurationError(path: spot, "shares of a route on a server must not differ in who may pass")
        }
        return [FilterOverrides(authorization: first.authorization)]
    }
}

extension FaultInjector {
    /// The injector, if it acts whatever cluster requests go to.
    fileprivate var ofInbound: FaultInjector? { concerns(cluster: "") ? self : nil }
}

extension InboundPolicies {
    /// What protects a handler; `nil` if there is nothing. The other policies are about calls to others, and do nothing
    /// here.
    fileprivate convenience init?(_ policies: TrafficPolicyRuntime) {
        guard
            policies.loadShedder != nil || policies.admissionControl != nil || policies.adaptiveLimit != nil
                || policies.bulkhead != nil || policies.expiredRequests != nil || policies.keyedRateLimit != nil
        else { return nil }
        self.init(
            loadShedder: policies.loadShedder,
            admissionControl: policies.admissionControl,
            keyedRateLimit: policies.keyedRateLimit,
            adaptiveLimit: policies.adaptiveLimit,
            bulkhead: policies.bulkhead,
            expiredRequests: policies.expiredRequests
        )
    }
}
