// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import MeshResilience

/// A configuration in the words of a dialect: what a client cannot take is replaced or left out, and reported.
struct DialectTranslation {
    /// What the client gets.
    private(set) var resources: MeshResources
    /// What differs from what was meant.
    private(set) var reports: [FieldReport] = []
    let dialect: Dialect
    /// Who knows which policies the clients take.
    let registry: ExtensionRegistry
    /// Assignments of clusters whose mutual TLS the client does not speak.
    private var securedAssignments: Set<String> = []

    /// Translates a configuration.
    init(_ resources: MeshResources, to dialect: Dialect, registry: ExtensionRegistry = .standard) {
        self.resources = resources
        self.dialect = dialect
        self.registry = registry
        for name in resources.clusters.keys.sorted() { translateCluster(name) }
        for name in resources.listeners.keys.sorted() { translateListener(name) }
        for name in resources.routeConfigurations.keys.sorted() {
            resources.routeConfigurations[name].map { routes in
                self.resources.routeConfigurations[name] = translated(routes, "route_configurations[\(name)]")
            }
        }
        // gRPC has no runtime, and does not ask for one.
        if dialect == .grpc { self.resources.runtimeLayers = [] }
        guard dialect != .own else { return }
        // The clusters come first: they say which endpoints cannot be reached, and bring assignments of their own.
        for name in self.resources.endpointAssignments.keys.sorted() { translateAssignment(name) }
    }

    mutating func report(_ path: String, _ reason: String) {
        reports.append(FieldReport(path: path, reason: reason))
    }

    /// Adds an assignment that the client gets besides those that there are.
    mutating func add(_ assignment: EndpointAssignment) {
        resources.endpointAssignments[assignment.name] = assignment
    }

    private mutating func translateCluster(_ name: String) {
        guard var cluster = resources.clusters[name] else { return }
        let path = "clusters[\(name)]"
        if cluster.circuitBreaker != nil {
            cluster.circuitBreaker = nil
            report(path + ".circuit_breaker", "xDS has no field for it; it is not sent")
        }
        translate(&cluster.policies, ofCluster: path + ".policies")
        translateStructure(of: &cluster, path)
        translateNames(of: &cluster, path)
        if dialect != .own { translateProxy(of: &cluster, path) }
        if dialect != .own, cluster.upstreamSecurity != .plaintext, !isReachable(cluster) {
            // Without a certificate provider of the right name gRPC refuses the cluster, Envoy waits for its secrets.
            cluster.upstreamSecurity = .plaintext
            cluster.serverName = nil
            cluster.secrets = nil
            report(path + ".transport_socket", "\(dialect) clients have no identity of this mesh; they get plaintext")
            if let assignment = cluster.endpointAssignmentName { securedAssignments.insert(assignment) }
            if case .fixed(var assignment) = cluster.discovery {
                offerReachable(&assignment)
                cluster.discovery = .fixed(assignment)
            }
            if case .dns(var assignment, let settings) = cluster.discovery {
                offerReachable(&assignment)
                cluster.discovery = .dns(assignment, settings)
            }
        }
        if dialect != .own, cluster.connection.httpVersion == .automatic, cluster.upstreamSecurity == .plaintext {
            // The same in plaintext, where Envoy refuses clusters that leave the choice to TLS.
            cluster.connection.httpVersion = .http1
        }
        if dialect != .own { translate(&cluster.loadBalancing, path + ".lb_policy") }
        translateHealthCheck(of: &cluster, path)
        if dialect == .grpc {
            if !cluster.connection.isOfHTTPVersionOnly {
                report(path + ".connection", "gRPC clients keep connections in their own way; it is not sent")
            }
            if case .fixed(var assignment) = cluster.discovery {
                // gRPC knows no static clusters.
                let isTaken = resources.endpointAssignments[name] != nil
                assignment.name = isTaken ? name + "/fixed" : name
                resources.endpointAssignments[assignment.name] = assignment
                cluster.discovery = .endpointDiscovery(serviceName: assignment.name)
            }
        }
        resources.clusters[name] = cluster
    }

    private mutating func translateListener(_ name: String) {
        guard var listener = resources.listeners[name] else { return }
        let path = "listeners[\(name)]"
        if case .inline(let routes) = listener.routes {
            listener.routes = .inline(translated(routes, path + ".route_config"))
        }
        for position in listener.filters.indices {
            let path = path + ".filters[\(position)]"
            switch listener.filters[position] {
            case .policies(var policies):
                translate(&policies, ofListener: path)
                listener.filters[position] = .policies(policies)
            case .fault(let fault): listener.filters[position] = .fault(translated(fault, path))
            case .rateLimit(let limit): listener.filters[position] = .rateLimit(translated(limit, path))
            case .jwt(let jwt): listener.filters[position] = .jwt(translated(jwt, path))
            case .authorization(let filter):
                guard dialect == .grpc else { break }
                listener.filters[position] = .authorization(translated(filter, path))
            case .externalAuthorization, .localRateLimit, .globalRateLimit, .headerMutation, .buffer, .statefulSession:
                break
            }
        }
        translateSecurity(of: &listener, path)
        listener.filters.removeAll { $0 == .policies(.none) }
        if dialect == .grpc {
            let filters = listener.filters
            listener.filters = []
            for (position, filter) in filters.enumerated() {
                if let reason = Self.refusal(of: filter, direction: listener.direction) {
                    report(path + ".http_filters[\(position)]", reason)
                } else {
                    listener.filters.append(filter)
                }
            }
        }
        resources.listeners[name] = listener
    }

    /// gRPC's servers tell no TLS from plaintext on one port, and Envoy needs a certificate for it that it is given here.
    private mutating func translateSecurity(of listener: inout Listener, _ path: String) {
        guard dialect != .own, case .inbound(let address, .permissive) = listener.direction else { return }
        let isGiven = listener.secrets.map { $0.names.allSatisfy { resources.secrets[$0] != nil } } ?? false
        guard dialect == .grpc || !isGiven else { return }
        listener.direction = .inbound(address: address, security: .plaintext)
        listener.secrets = nil
        listener.peerNames = []
        report(path + ".filter_chains", "\(dialect) servers have no identity of this mesh; they take plaintext alone")
    }

    /// Why gRPC refuses a filter; `nil` if it takes it (gRFC A33: faults in clients; A41: authorization in servers).
    private static func refusal(of filter: HTTPFilter, direction: Listener.Direction) -> String? {
        switch (filter, direction) {
        case (.fault, .outbound), (.authorization, .inbound): nil
        case (.fault, .inbound): "gRPC servers inject no faults"
        case (.authorization, .outbound): "gRPC clients authorize nothing"
        case (.rateLimit, _), (.localRateLimit, _), (.globalRateLimit, _): "gRPC has no rate limit"
        case (.headerMutation, _), (.buffer, _), (.statefulSession, _): "gRPC has no such filter"
        case (.jwt, _): "gRPC checks no tokens"
        case (.externalAuthorization, _): "gRPC servers ask no authorizer"
        case (.policies, _): "gRPC has none of these policies"
        }
    }

    private mutating func translateAssignment(_ name: String) {
        guard var assignment = resources.endpointAssignments[name] else { return }
        let path = "endpoint_assignments[\(name)]"
        for position in assignment.localities.indices {
            assignment.localities[position].endpoints.removeAll { endpoint in
                guard let reason = refusal(of: endpoint.address) else { return false }
                report(path, "the endpoint \(endpoint.address) is left out: \(reason)")
                return true
            }
        }
        translateHealthChecks(of: &assignment, path)
        if securedAssignments.contains(name) { offerReachable(&assignment) }
        translateDrops(of: &assignment, path)
        resources.endpointAssignments[name] = assignment
    }

    private func refusal(of address: EndpointAddress) -> String? {
        guard address.port != nil else { return dialect == .grpc ? "gRPC takes no Unix domain sockets" : nil }
        return address.isIPAddress ? nil : "EDS takes IP addresses only"
    }

    /// Whether the client can speak the TLS that a cluster wants, or must not go without it: what stands in files is about
    /// servers outside of the mesh, which nobody calls in plaintext instead.
    private func isReachable(_ cluster: Cluster) -> Bool {
        let needsFiles = cluster.secrets.map { $0.names.contains(where: SecretReference.isOfFile) } ?? false
        return needsFiles || dialect == .envoy && hasSecrets(of: cluster)
    }

    /// Whether the secrets of a cluster are here to be given; gRPC's clients take none.
    private func hasSecrets(of cluster: Cluster) -> Bool {
        guard let secrets = cluster.secrets, let roots = secrets.validation, resources.secrets[roots] != nil else {
            return false
        }
        return secrets.certificate.map { resources.secrets[$0] != nil } ?? true
    }

    /// Leaves the endpoints that take plaintext, or all of them if none does: somebody may terminate TLS before them.
    private func offerReachable(_ assignment: inout EndpointAssignment) {
        guard assignment.localities.contains(where: { $0.endpoints.contains { !$0.speaksMutualTLS } }) else { return }
        for position in assignment.localities.indices {
            assignment.localities[position].endpoints.removeAll(where: \.speaksMutualTLS)
        }
    }
}

extension EndpointAddress {
    /// Whether the host is an IP address and not a name. A colon is in every IPv6 address and in no name.
    var isIPAddress: Bool {
        if host.utf8.contains(UInt8(ascii: ":")) { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.allSatisfy { UInt8($0) != nil }
    }
}
