// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshResilience

/// Compiles the clusters of a service, one for the whole and one for each subset, and their endpoints.
struct ClusterCompiler {
    let manifests: PreparedManifests
    let client: Client

    func add(_ service: MeshService, port: UInt16, to resources: inout MeshResources) {
        let selection = HostPolicySelection(service, manifests: manifests, client: client)
        let identities = identities(of: service)
        let isInMesh = service.definition?.isInMesh ?? true
        for subset in [nil] + selection.subsets.map(Optional.some) {
            let name = ClusterName.outbound(port: port, subset: subset?.name ?? "", host: service.host)
            let policy = selection.policy(of: subset, service: service, port: port)
            let preference = policy.loadBalancer?.localities ?? .standard
            let endpoints = endpoints(of: service, port: port, labels: subset?.labels ?? [:])
            let assignment = EndpointAssignment(
                name: name,
                localities: client.viewpoint.localities(
                    of: endpoints,
                    by: preference,
                    failsOver: policy.outlierDetection != nil
                )
            )
            var cluster = Cluster(name: name)
            if case .zoneAware(let zones, _) = preference { cluster.localities = .zoneAware(zones) }
            cluster.apply(policy, defaultBalancing: client.node.isProxylessGRPC ? .roundRobin : .leastRequest)
            cluster.connection = ConnectionOptions(policy.connectionPool, speaksHTTP2: service.speaksHTTP2(at: port))
            cluster.upstreamSecurity = security(policy.security, identities: identities, isInMesh: isInMesh)
            switch policy.security {
            case .mutualTLS(_, let name) where cluster.upstreamSecurity != .plaintext: cluster.serverName = name
            case .tls(let tls): cluster.apply(tls, host: service.host)
            default: break
            }
            if service.isDiscovered {
                resources.endpointAssignments[name] = assignment
            } else {
                cluster.discovery = Cluster.Discovery(assignment, lookup: service.definition?.lookup)
            }
            resources.clusters[name] = cluster
        }
    }

    /// The identities that the service's endpoints may prove, sorted.
    private func identities(of service: MeshService) -> [String] {
        var identities: Set<String> = []
        if let definition = service.definition {
            identities.formUnion(definition.identities.map(\.value))
            if case .listed(let endpoints) = definition.endpoints {
                let namespace = definition.metadata.namespace
                for account in endpoints.compactMap(\.serviceAccount) {
                    let identity = manifests.security.identity(namespace: namespace, serviceAccount: account)
                    if let identity { identities.insert(identity) }
                }
            }
        }
        identities.formUnion(service.workloads.compactMap { manifests.security.identity(of: $0) })
        return identities.sorted()
    }

    private func security(
        _ wanted: TrafficPolicy.Security?,
        identities: [String],
        isInMesh: Bool
    ) -> Cluster.UpstreamSecurity {
        // What stands in files is not the mesh's.
        if case .tls = wanted { return .mutualTLS(acceptedIdentities: []) }
        // A client outside the mesh has no certificate to show.
        if client.isOptedOut { return .plaintext }
        switch wanted {
        case .plaintext: return .plaintext
        case .mutualTLS(let named, _): return .mutualTLS(acceptedIdentities: named.isEmpty ? identities : named)
        case .tls, nil: return isInMesh ? .automatic(acceptedIdentities: identities) : .plaintext
        }
    }

    /// The endpoints with these labels, each address once: clients refuse an assignment that has one twice.
    private func endpoints(of service: MeshService, port: UInt16, labels: [String: String]) -> [LocatedEndpoint] {
        var addresses: Set<EndpointAddress> = []
        switch service.definition?.endpoints {
        case .host:
            let endpoint = ClusterEndpoint(EndpointAddress(host: service.host, port: port))
            return labels.isEmpty ? [LocatedEndpoint(endpoint, Locality(), labels: [:])] : []
        case .listed(let listed):
            return listed.compactMap { listed in
                guard listed.labels.satisfies(labels) else { return nil }
                let address = listed.address(of: port, in: service.definition?.ports ?? [])
                guard addresses.insert(address).inserted else { return nil }
                let endpoint = ClusterEndpoint(
                    address,
                    weight: listed.weight,
                    speaksMutualTLS: listed.speaksMutualTLS
                )
                return LocatedEndpoint(endpoint, listed.locality, labels: listed.labels)
            }
        case .workloads, .registered, nil:
            return service.workloads(at: port).compactMap { workload in
                guard workload.labels.satisfies(labels), addresses.insert(workload.address).inserted else { return nil }
                let endpoint = ClusterEndpoint(
                    workload.address,
                    weight: max(workload.weight, 1),
                    speaksMutualTLS: manifests.security.speaksMutualTLS(workload)
                )
                return LocatedEndpoint(endpoint, workload.place, labels: workload.labels)
            }
        }
    }
}

extension Cluster {
    fileprivate mutating func apply(_ policy: TrafficPolicy, defaultBalancing: TrafficPolicy.Balancing) {
        let slowStart = policy.loadBalancer?.slowStart
        switch policy.loadBalancer?.balancing ?? defaultBalancing {
        case .roundRobin: loadBalancing = LoadBalancing(RoundRobin(slowStart: slowStart))
        case .leastRequest: loadBalancing = LoadBalancing(LeastRequest(slowStart: slowStart))
        case .random: loadBalancing = LoadBalancing(RandomChoice())
        case .ringHash(let size): loadBalancing = LoadBalancing(RingHash(minimumSize: size ?? RingHash().minimumSize))
        case .maglev(let size): loadBalancing = LoadBalancing(Maglev(tableSize: size ?? Maglev().tableSize))
        }
        outlierDetection = policy.outlierDetection
        // Istio has no panic by default: where pods are few, half of them are soon missing.
        panicThreshold = policy.minimumHealthPercent ?? 0
        policies.retryBudget = policy.retryBudget.map { .concurrency($0) }
        guard let pool = policy.connectionPool else { return }
        if let requests = pool.maximumRequests { concurrencyLimit.maximumRequests = requests }
        if let pending = pool.maximumPendingRequests { concurrencyLimit.maximumPendingRequests = pending }
        if let connections = pool.maximumConnections { concurrencyLimit.maximumConnections = connections }
        if let timeout = pool.connectTimeout { connectTimeout = timeout }
        if policies.retryBudget == nil, let retries = pool.maximumRetries {
            policies.retryBudget = .concurrency(.init(percent: 0, minimum: Int(retries)))
        }
    }
}

extension ConnectionOptions {
    /// Istio's precedence: `UPGRADE` before what the port says, and HTTP/1.1 without either.
    fileprivate init(_ pool: TrafficPolicy.ConnectionPool?, speaksHTTP2: Bool) {
        self.init(httpVersion: speaksHTTP2 || pool?.upgradesToHTTP2 == true ? .http2 : .http1)
        guard let pool else { return }
        idleTimeout = pool.idleTimeout
        maximumAge = pool.maximumAge
        maximumRequests = pool.maximumRequestsPerConnection ?? maximumRequests
        guard httpVersion == .http2 else { return }
        maximumConcurrentStreams = pool.maximumConcurrentStreams ?? maximumConcurrentStreams
        keepaliveInterval = pool.keepaliveInterval ?? keepaliveInterval
        keepaliveTimeout = pool.keepaliveTimeout ?? keepaliveTimeout
    }
}
