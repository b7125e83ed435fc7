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
        for subset in [nil] + selection.subsets.map(Optional.some) {
            let name = ClusterName.outbound(port: port, subset: subset?.name ?? "", host: service.host)
            let policy = selection.policy(of: subset, service: service, port: port)
            let assignment = assignment(name, service: service, port: port, labels: subset?.labels ?? [:])
            var cluster = Cluster(name: name)
            cluster.apply(policy)
            cluster.upstreamSecurity = security(policy.security, identities: identities)
            if service.isDiscovered {
                resources.endpointAssignments[name] = assignment
            } else {
                cluster.discovery = .fixed(assignment)
            }
            resources.clusters[name] = cluster
        }
    }

    /// The identities that the service's endpoints may prove, sorted; `nil` if they are outside the mesh.
    private func identities(of service: MeshService) -> [String]? {
        var identities: Set<String> = []
        if let definition = service.definition {
            guard let named = definition.identities else { return nil }
            identities.formUnion(named)
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

    private func security(_ wanted: TrafficPolicy.Security?, identities: [String]?) -> Cluster.UpstreamSecurity {
        // A client outside the mesh has no certificate to show.
        if client.isOptedOut { return .plaintext }
        switch wanted {
        case .plaintext: return .plaintext
        case .mutualTLS(let named): return .mutualTLS(acceptedIdentities: named.isEmpty ? identities ?? [] : named)
        case nil: return identities.map { .automatic(acceptedIdentities: $0) } ?? .plaintext
        }
    }

    private func assignment(
        _ name: String,
        service: MeshService,
        port: UInt16,
        labels: [String: String]
    ) -> EndpointAssignment {
        switch service.definition?.endpoints {
        case .host:
            let endpoint = ClusterEndpoint(EndpointAddress(host: service.host, port: port))
            return Self.assignment(name, [Locality(): labels.isEmpty ? [endpoint] : []])
        case .listed(let listed):
            var endpoints: [Locality: [ClusterEndpoint]] = [:]
            for endpoint in listed where endpoint.labels.satisfies(labels) {
                let address = endpoint.address(of: port, in: service.definition)
                endpoints[endpoint.locality, default: []].append(
                    ClusterEndpoint(address, weight: endpoint.weight, speaksMutualTLS: endpoint.speaksMutualTLS)
                )
            }
            return Self.assignment(name, endpoints)
        case .workloads, .registered, nil:
            let endpoints = service.workloads.filter { $0.labels.satisfies(labels) }.map { workload in
                ClusterEndpoint(
                    workload.address,
                    speaksMutualTLS: manifests.security.speaksMutualTLS(workload)
                )
            }
            return Self.assignment(name, [Locality(): endpoints])
        }
    }

    /// Localities in a fixed order, each with the weight of its endpoints: gRPC ignores a locality without a weight.
    private static func assignment(_ name: String, _ endpoints: [Locality: [ClusterEndpoint]]) -> EndpointAssignment {
        let localities = endpoints.filter { !$0.value.isEmpty }.sorted { left, right in
            (left.key.region, left.key.zone, left.key.subZone) < (right.key.region, right.key.zone, right.key.subZone)
        }
        return EndpointAssignment(
            name: name,
            localities: localities.map { locality, endpoints in
                let weight = endpoints.reduce(UInt64(0)) { $0 + UInt64($1.weight) }
                return LocalityEndpoints(
                    locality: locality,
                    weight: UInt32(clamping: weight),
                    endpoints: endpoints
                )
            }
        )
    }
}

extension Cluster {
    fileprivate mutating func apply(_ policy: TrafficPolicy) {
        switch policy.balancing {
        case .roundRobin, nil: loadBalancing = LoadBalancing(RoundRobin())
        case .leastRequest: loadBalancing = LoadBalancing(LeastRequest())
        }
        outlierDetection = policy.outlierDetection
        guard let pool = policy.connectionPool else { return }
        if let requests = pool.maximumRequests { concurrencyLimit.maximumRequests = requests }
        if let pending = pool.maximumPendingRequests { concurrencyLimit.maximumPendingRequests = pending }
        if let connections = pool.maximumConnections { concurrencyLimit.maximumConnections = connections }
        if let timeout = pool.connectTimeout { connectTimeout = timeout }
    }
}

extension ServiceDefinition.Listed {
    /// Where the endpoint listens for a port of its service.
    fileprivate func address(of port: UInt16, in definition: ServiceDefinition?) -> EndpointAddress {
        if isUnixSocket { return EndpointAddress(unixSocketPath: host) }
        let servicePort = definition?.ports.first { $0.number == port }
        let own = servicePort?.name.flatMap { ports[$0] }
        return EndpointAddress(host: host, port: own ?? servicePort?.target ?? port)
    }
}
