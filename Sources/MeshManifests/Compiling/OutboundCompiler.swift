// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting

/// Compiles what a client needs to call a service: a listener, its routes, its clusters and their endpoints.
struct OutboundCompiler {
    let manifests: PreparedManifests
    let client: Client

    func add(_ service: MeshService, port: UInt16, to resources: inout MeshResources) {
        let name = "\(service.host):\(port)"
        // The filter without faults of its own is what lets faults of routes take effect in Envoy and gRPC.
        let listener = Listener(name: name, filters: [.fault(FaultConfiguration())], routes: .named(name))
        let virtualHost = VirtualHost(
            name: name,
            domains: domains(of: service, port: port),
            routes: routes(to: service, port: port)
        )
        resources.listeners[name] = listener
        resources.routeConfigurations[name] = RouteConfiguration(name: name, virtualHosts: [virtualHost])
        let clusters = ClusterCompiler(manifests: manifests, client: client)
        clusters.add(service, port: port, to: &resources)
    }

    /// The names by which the client may call the service, each with and without the port.
    private func domains(of service: MeshService, port: UInt16) -> [DomainPattern] {
        var names = [service.host]
        if let short = service.shortName {
            names += ["\(short).\(service.namespace).svc", "\(short).\(service.namespace)"]
            if service.namespace == client.node.namespace { names.append(short) }
        }
        return names.flatMap { [.exact($0), .exact("\($0):\(port)")] }
    }

    private func routes(to service: MeshService, port: UInt16) -> [Route] {
        let compiler = RouteCompiler(manifests: manifests, client: client, port: port)
        if let routing = routing(of: service) { return routing.rules.flatMap { compiler.routes(for: $0) } }
        let legacy = LegacyRouting(manifests.byHost.routeRules.elements(for: service.host).map(\.element))
        let routes = legacy.rules.flatMap { compiler.routes(for: $0.trafficRule, faults: legacy) }
        // What no rule is about goes to the whole service.
        guard legacy.rules.last?.condition != nil || legacy.rules.isEmpty else { return routes }
        return routes + [compiler.defaultRoute(to: service)]
    }

    /// The routing of a service: of those that apply to the client the one with the most specific host, and of these the
    /// first.
    private func routing(of service: MeshService) -> HostRouting? {
        var best: (specificity: Int, routing: HostRouting)?
        for (routing, host) in manifests.byHost.routings.elements(for: service.host)
        where routing.visibility.includes(client.node.namespace) && host.specificity > best?.specificity ?? -1 {
            best = (host.specificity, routing)
        }
        return best?.routing
    }
}
