// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore

/// What a resolver is asked.
struct HostQuery: Hashable, Sendable {
    var host: String
    var family: DNSLookupFamily
}

/// What is known of host names at one moment: what a configuration is compiled with.
struct HostTable: Sendable {
    /// What is known of one name.
    struct Entry: Sendable {
        /// Its addresses.
        var addresses: [IPAddress]
        /// Whether a lookup has ended, so that no address means that there is none.
        var isKnown: Bool
        /// The same, kept up to date, for whoever connects to the name.
        var resolved: ResolvedHost
    }

    /// The names that the mesh looks up. The transport resolves any other.
    var entries: [HostQuery: Entry] = [:]

    /// The endpoints of a cluster with the addresses of their names; those of other clusters as they are.
    ///
    /// A name that is not known yet stands for itself, and the transport resolves it as it connects: a new cluster has
    /// no moment in which its requests fail.
    func resolving(_ assignment: EndpointAssignment?, of cluster: Cluster) -> EndpointAssignment? {
        guard case .dns(_, let settings) = cluster.discovery, var assignment else { return assignment }
        var taken: Set<EndpointAddress> = []
        for position in assignment.localities.indices {
            assignment.localities[position].endpoints = assignment.localities[position].endpoints.flatMap { endpoint in
                resolving(endpoint, settings).filter { taken.insert($0.address).inserted }
            }
        }
        return assignment
    }

    private func resolving(_ endpoint: ClusterEndpoint, _ settings: DNSDiscovery) -> [ClusterEndpoint] {
        guard let host = endpoint.address.hostName else { return [endpoint] }
        var endpoint = endpoint
        if endpoint.hostname.isEmpty { endpoint.hostname = host }
        guard let entry = entries[HostQuery(host: host, family: settings.lookupFamily)] else { return [endpoint] }
        if settings.kind == .logical {
            endpoint.resolvedHost = entry.resolved
            return entry.isKnown && entry.addresses.isEmpty ? [] : [endpoint]
        }
        guard entry.isKnown, let port = endpoint.address.port else { return [endpoint] }
        return entry.addresses.map { address in
            var resolved = endpoint
            resolved.address = EndpointAddress(host: address.description, port: port)
            return resolved
        }
    }
}

extension MeshResources {
    /// What has to be looked up, and how often: of several clusters with one name the one that asks most often decides.
    var hostQueries: [HostQuery: (settings: DNSDiscovery, isStrict: Bool)] {
        var queries: [HostQuery: (settings: DNSDiscovery, isStrict: Bool)] = [:]
        for (_, cluster) in clusters.sorted(by: { $0.key < $1.key }) {
            guard case .dns(let assignment, let settings) = cluster.discovery else { continue }
            for host in assignment.hostNames {
                let query = HostQuery(host: host, family: settings.lookupFamily)
                guard let known = queries[query] else {
                    queries[query] = (settings, settings.kind == .strict)
                    continue
                }
                let isShorter = settings.refreshInterval < known.settings.refreshInterval
                queries[query] = (isShorter ? settings : known.settings, known.isStrict || settings.kind == .strict)
            }
        }
        return queries
    }
}

extension EndpointAssignment {
    /// The names of its endpoints, in their order.
    var hostNames: [String] {
        localities.flatMap { $0.endpoints.compactMap(\.address.hostName) }
    }
}
