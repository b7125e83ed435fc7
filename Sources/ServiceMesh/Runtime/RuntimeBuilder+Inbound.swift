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
        let sharedFault = listener.fault.map { pool.faultInjector(place, listener.name, $0) }
        guard let routes, !routes.virtualHosts.isEmpty else {
            return InboundRuntime(listener: listener, rateLimiter: shared, fault: sharedFault, routes: nil)
        }
        var hosts: [RouteTable<InboundRoute>.Host] = []
        for host in routes.virtualHosts {
            var compiled: [(match: RouteMatch, value: InboundRoute)] = []
            for (number, route) in host.routes.enumerated() {
                let name = route.name.isEmpty ? "\(host.name)[\(number)]" : route.name
                let spot = "\(place) \(host.name) \(name)"
                let own = route.rateLimit.map { pool.rateLimiter(spot, $0) }
                let ownFault = route.fault.map { pool.faultInjector(spot, name, $0) }
                var reply: LocalReply?
                if case .directResponse(let answer) = route.action { reply = answer }
                let value = InboundRoute(
                    name: name,
                    fault: ownFault ?? sharedFault,
                    rateLimiter: own ?? shared,
                    policies: inboundPolicies(route.policies, place: spot, name: name, pool: &pool),
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
            routes: try RouteTable(hosts)
        )
    }

    /// Starts what protects a handler. The other policies are about calls to others, and do nothing here.
    private func inboundPolicies(
        _ policies: TrafficPolicies,
        place: String,
        name: String,
        pool: inout PolicyPool
    ) -> InboundPolicies? {
        let running = TrafficPolicyRuntime(policies, place: place, name: name, budget: nil, pool: &pool)
        guard running.loadShedder != nil || running.adaptiveLimit != nil || running.bulkhead != nil else { return nil }
        return InboundPolicies(
            loadShedder: running.loadShedder,
            adaptiveLimit: running.adaptiveLimit,
            bulkhead: running.bulkhead
        )
    }
}
