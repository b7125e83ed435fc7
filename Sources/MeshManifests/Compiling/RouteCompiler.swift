// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting

/// Compiles the rules of a routing into the routes of one port of a service.
struct RouteCompiler {
    let manifests: PreparedManifests
    let client: Client
    /// The port that is called.
    let port: UInt16

    /// One route for each condition of a rule that this client can meet.
    /// - Parameter faults: The first API's faults for what goes to some workloads.
    func routes(for rule: TrafficRule, faults: LegacyRouting? = nil) -> [Route] {
        guard var route = route(for: rule, faults: faults) else { return [] }
        guard !rule.conditions.isEmpty else { return [route] }
        return rule.conditions.compactMap { condition in
            guard condition.appliesToMesh, condition.port ?? port == port, client.meets(condition.source) else {
                return nil
            }
            route.name = condition.name.map { "\(rule.name).\($0)" } ?? rule.name
            route.match = condition.routeMatch
            return route
        }
    }

    /// The route of what no rule is about.
    func defaultRoute(to service: MeshService) -> Route {
        let cluster = ClusterName.outbound(port: port, subset: "", host: service.host)
        var forward = RouteAction.Forward(clusters: WeightedClusters(single: cluster), retry: Self.standardRetry)
        if manifests.usesHashes {
            let selection = HostPolicySelection(service, manifests: manifests, client: client)
            forward.hashPolicies = [selection.hash(of: .whole, port: port)].compactMap(\.self)
        }
        return Route(name: "default", action: .forward(forward))
    }

    /// The route of a rule without its conditions.
    private func route(for rule: TrafficRule, faults: LegacyRouting?) -> Route? {
        let headers = rule.headers?.mutations ?? .none
        var route = Route(name: rule.name, action: .nonForwarding, fault: rule.fault, headers: headers, cors: rule.cors)
        switch rule.action {
        case .reply(let reply): route.action = .directResponse(reply)
        case .redirect(let setting): route.action = .redirect(setting.redirect(calledAt: port))
        case .forward(let shares):
            guard var forward = forward(to: shares, of: rule) else { return nil }
            if shares.count == 1, let own = shares[0].headers?.mutations { route.headers.append(own) }
            if rule.fault == nil, let faults { route.fault = addFaults(faults, to: &forward, shares) }
            route.action = .forward(forward)
        // Whoever is delegated to has been put in its place.
        case .delegate: return nil
        }
        return route
    }

    private func forward(to shares: [TrafficShare], of rule: TrafficRule) -> RouteAction.Forward? {
        // Istio writes what is said at the only destination on the route itself, where it comes after the rule's.
        let single = shares.count == 1 ? shares[0] : nil
        let weighted = shares.map { share in
            var cluster = WeightedCluster(cluster(of: share.destination), weight: share.weight)
            guard single == nil, let headers = share.headers else { return cluster }
            cluster.headers = headers.mutations
            if !headers.authority.isEmpty { cluster.host = headers.authority }
            return cluster
        }
        guard let clusters = try? WeightedClusters(weighted) else { return nil }
        let hashes = manifests.usesHashes ? shares.filter { $0.weight > 0 }.compactMap(hash) : []
        var forward = RouteAction.Forward(
            target: .clusters(clusters),
            pathRewrite: rule.rewrite?.path,
            timeout: rule.timeout == .zero ? nil : rule.timeout,
            retry: retryPolicy(of: rule, keepsEndpoint: single != nil && !hashes.isEmpty),
            hashPolicies: hashes
        )
        let authorities = [rule.rewrite?.authority, rule.headers?.authority, single?.headers?.authority]
        if let authority = authorities.lazy.compactMap(\.self).first(where: { !$0.isEmpty }) {
            forward.hostRewrite = .literal(authority)
        }
        let mirrors = rule.mirroring.copies.map { copy in
            RequestMirror(.cluster(cluster(of: copy.destination)), fraction: RuntimeFraction(copy.share))
        }
        if !mirrors.isEmpty { forward.mirrors = mirrors }
        return forward
    }

    /// Adds the first API's faults for the clusters of a split.
    /// - Returns: The fault of all of the traffic.
    private func addFaults(
        _ faults: LegacyRouting,
        to forward: inout RouteAction.Forward,
        _ shares: [TrafficShare]
    ) -> FaultConfiguration? {
        for (share, cluster) in zip(shares, forward.shares) {
            if let fault = faults.fault(for: share)?.fault { forward.clusterFaults[cluster.cluster] = fault }
        }
        // Where all of the traffic goes to one cluster, its fault is the route's, which every client understands.
        guard shares.count == 1, let fault = forward.clusterFaults.values.first else { return nil }
        forward.clusterFaults = [:]
        return fault
    }

    private func cluster(of destination: TrafficDestination) -> String {
        let service = manifests.directory.service(destination.host.value)
        let number = destination.port.map { UInt16($0.value) } ?? service?.port(port) ?? port
        let host = service?.host ?? destination.host.value.text
        let subset =
            switch destination.subset {
            case .whole: ""
            case .named(let name): name.value
            case .labels(let labels):
                service.map { HostPolicySelection($0, manifests: manifests, client: client).name(of: labels) }
                    ?? ClusterName.subset(of: labels)
            }
        return ClusterName.outbound(port: number, subset: subset, host: host)
    }

    private func hash(of share: TrafficShare) -> HashPolicy? {
        let destination = share.destination
        guard let service = manifests.directory.service(destination.host.value) else { return nil }
        return HostPolicySelection(service, manifests: manifests, client: client)
            .hash(of: destination.subset, port: destination.port.map { UInt16($0.value) })
    }

    /// - Parameter keepsEndpoint: Whether a hash says where requests go, which retries do not leave unless told to.
    private func retryPolicy(of rule: TrafficRule, keepsEndpoint: Bool) -> RetryPolicy? {
        var policy: RetryPolicy
        switch rule.retry {
        case nil: policy = Self.standardRetry
        case .never: return nil
        case .policy(let own, choosesEndpoints: true): return own
        case .policy(let own, choosesEndpoints: false): policy = own
        }
        if keepsEndpoint { policy.avoidsPreviousEndpoints = false }
        return policy
    }

    /// Istio's default for its clients: two retries of what provably was not processed, and of what gRPC says may be
    /// tried again.
    private static let standardRetry = RetryPolicy(maximumAttempts: 3, conditions: .standard)
}

extension HeaderMutations {
    /// Adds changes that come after these.
    fileprivate mutating func append(_ other: HeaderMutations) {
        requestAdditions += other.requestAdditions
        requestRemovals += other.requestRemovals
        responseAdditions += other.responseAdditions
        responseRemovals += other.responseRemovals
    }
}
