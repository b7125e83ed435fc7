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
        if let routing = routing(of: service) {
            return routing.rules.flatMap { self.routes(for: $0, port: port, faults: nil) }
        }
        let legacy = LegacyRouting(manifests.byHost.routeRules.elements(for: service.host).map(\.element))
        let routes = legacy.rules.flatMap { self.routes(for: $0.trafficRule, port: port, faults: legacy) }
        // What no rule is about goes to the whole service.
        guard legacy.rules.last?.condition != nil || legacy.rules.isEmpty else { return routes }
        return routes + [defaultRoute(to: service, port: port)]
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

    private func defaultRoute(to service: MeshService, port: UInt16) -> Route {
        let cluster = ClusterName.outbound(port: port, subset: "", host: service.host)
        return Route(
            name: "default",
            action: .forward(
                RouteAction.Forward(clusters: WeightedClusters(single: cluster), retry: Self.standardRetry)
            )
        )
    }

    /// One route for each condition of a rule that this client can meet.
    private func routes(for rule: TrafficRule, port: UInt16, faults: LegacyRouting?) -> [Route] {
        guard let (action, fault) = action(of: rule, port: port, faults: faults) else { return [] }
        guard !rule.conditions.isEmpty else { return [Route(name: rule.name, action: action, fault: fault)] }
        return rule.conditions.compactMap { condition in
            guard condition.appliesToMesh, condition.port ?? port == port, client.meets(condition.source) else {
                return nil
            }
            return Route(
                name: condition.name.map { "\(rule.name).\($0)" } ?? rule.name,
                match: RouteMatch(path: condition.path, headers: condition.headers),
                action: action,
                fault: fault
            )
        }
    }

    private func action(
        of rule: TrafficRule,
        port: UInt16,
        faults: LegacyRouting?
    ) -> (RouteAction, FaultConfiguration?)? {
        let shares: [TrafficShare]
        switch rule.action {
        case .reply(let reply): return (.directResponse(reply), rule.fault)
        case .forward(let found): shares = found
        }
        let weighted = shares.map { WeightedCluster(cluster(of: $0, port: port), weight: $0.weight) }
        guard let clusters = try? WeightedClusters(weighted) else { return nil }
        var forward = RouteAction.Forward(
            clusters: clusters,
            timeout: rule.timeout,
            retry: Self.retryPolicy(rule.retry)
        )
        guard rule.fault == nil, let faults else { return (.forward(forward), rule.fault) }
        for (share, cluster) in zip(shares, weighted) {
            if let fault = faults.fault(for: share)?.fault { forward.clusterFaults[cluster.cluster] = fault }
        }
        // Where all of the traffic goes to one cluster, its fault is the route's, which every client understands.
        guard shares.count == 1, let fault = forward.clusterFaults.values.first else { return (.forward(forward), nil) }
        forward.clusterFaults = [:]
        return (.forward(forward), fault)
    }

    private func cluster(of share: TrafficShare, port: UInt16) -> String {
        let service = manifests.directory.service(share.host.value)
        let number = share.port.map { UInt16($0.value) } ?? service?.port(port) ?? port
        let host = service?.host ?? share.host.value.text
        let subset =
            switch share.subset {
            case .whole: ""
            case .named(let name): name.value
            case .labels(let labels):
                service.map { HostPolicySelection($0, manifests: manifests, client: client).name(of: labels) }
                    ?? ClusterName.subset(of: labels)
            }
        return ClusterName.outbound(port: number, subset: subset, host: host)
    }

    private static func retryPolicy(_ setting: TrafficRule.RetrySetting) -> RetryPolicy? {
        switch setting {
        case .standard: standardRetry
        case .none: nil
        case .policy(let policy): policy
        }
    }

    /// Istio's default for its clients: two retries of what provably was not processed, and of what gRPC says may be
    /// tried again.
    private static let standardRetry = RetryPolicy(maximumAttempts: 3, conditions: .standard)
}
