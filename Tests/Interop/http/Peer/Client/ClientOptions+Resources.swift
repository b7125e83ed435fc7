// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ArgumentParser
import MeshBalancing
import MeshConfig
import MeshCore
import MeshResilience
import MeshRouting

extension ClientOptions {
    /// The clusters that the command line names, in its order.
    func parsedClusters() throws -> [(name: String, addresses: [EndpointAddress])] {
        try clusters.map { text in
            guard let sign = text.firstIndex(of: "=") else {
                throw ValidationError("--cluster wants NAME=ADDRESS, and got \"\(text)\"")
            }
            let addresses = text[text.index(after: sign)...].split(separator: ",")
            return (String(text[..<sign]), try addresses.map { try Self.address(String($0)) })
        }
    }

    /// The address that a text names.
    static func address(_ text: String) throws -> EndpointAddress {
        if text.hasPrefix("unix:") { return EndpointAddress(unixSocketPath: String(text.dropFirst(5))) }
        guard let address = EndpointAddress(authority: text) else {
            throw ValidationError("\"\(text)\" is no HOST:PORT")
        }
        return address
    }

    /// A whole configuration: one listener, a virtual host and a cluster for each name.
    func resources(_ clusters: [(name: String, addresses: [EndpointAddress])]) throws -> MeshResources {
        let retry = try retryPolicy()
        let hosts = clusters.map { cluster in
            VirtualHost(
                name: cluster.name,
                domains: [.exact(cluster.name.lowercased())],
                routes: [Self.route(to: cluster.name, retry: retry)]
            )
        }
        return MeshResources(
            listeners: [
                Listener(
                    name: "outbound",
                    routes: .inline(RouteConfiguration(name: "outbound", virtualHosts: hosts))
                )
            ],
            clusters: try clusters.map { try cluster($0.name, $0.addresses) }
        )
    }

    private static func route(to cluster: String, retry: RetryPolicy?) -> Route {
        Route(name: cluster, action: .forward(.init(clusters: WeightedClusters(single: cluster), retry: retry)))
    }

    private func retryPolicy() throws -> RetryPolicy? {
        guard attempts > 1 else { return nil }
        var conditions: RetryConditions = []
        for name in retryOn.split(separator: ",") {
            guard let known = RetryConditions.names.first(where: { $0.name == name }) else {
                throw ValidationError("--retry-on does not know \"\(name)\"")
            }
            conditions.insert(known.condition)
        }
        return RetryPolicy(
            maximumAttempts: attempts,
            conditions: conditions,
            backoff: Backoff(base: .milliseconds(5))
        )
    }

    private func cluster(_ name: String, _ addresses: [EndpointAddress]) throws -> Cluster {
        var cluster = Cluster(
            name: name,
            discovery: .fixed(EndpointAssignment(name: name, addresses: addresses)),
            connectTimeout: .milliseconds(connectTimeout),
            concurrencyLimit: ConcurrencyLimitConfiguration(
                maximumRequests: 100_000,
                maximumPendingRequests: 100_000,
                maximumConnections: maximumConnections
            ),
            upstreamSecurity: ca == nil ? .plaintext : .mutualTLS(acceptedIdentities: [])
        )
        cluster.connection = ConnectionOptions(
            httpVersion: http.option,
            idleTimeout: .milliseconds(idleTimeout),
            maximumRequests: maximumRequests,
            maximumConcurrentStreams: maximumStreams,
            keepaliveInterval: .milliseconds(keepalive)
        )
        if let proxy { cluster.proxy = .address(try Self.address(proxy)) }
        return cluster
    }
}
