// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshBalancing
public import MeshCore

/// Asks endpoints how they are: the seam between active health checks and whoever has connections.
///
/// `MeshHTTPClient` brings one; another stands in `MeshConfiguration.healthProber`. The mesh decides when an endpoint is
/// asked and what follows.
public protocol HealthProber: AnyObject, Sendable {
    /// Asks an endpoint once.
    ///
    /// Implementations return promptly when their task is cancelled: that is how a probe's time runs out, and until they
    /// do another endpoint waits for its turn. At most 64 probes run at once, on any thread.
    /// - Returns: `nil` if nothing can be said of the endpoint, because the prober has been shut down, say: then nobody
    ///   asks.
    func result(of probe: HealthProbe) async -> HealthProbeResult?
}

/// One question to an endpoint.
public struct HealthProbe: Hashable, Sendable {
    /// Where to, and how the connection is made and protected. It belongs to no request's endpoint: health checks have
    /// connections of their own.
    public var endpoint: Endpoint
    /// What is asked, and for how long.
    public var check: HealthCheck
    /// The authority of requests.
    public var authority: String

    /// Creates a question.
    public init(endpoint: Endpoint, check: HealthCheck, authority: String) {
        self.endpoint = endpoint
        self.check = check
        self.authority = authority
    }
}

extension HealthProbe {
    /// The question to an endpoint of a cluster.
    init(_ state: EndpointState, _ checker: EndpointHealthChecker, cluster: String) {
        let check = checker.check
        var endpoint = state.endpoint
        if endpoint.address != checker.target.address {
            // Where it is asked elsewhere, that is one place.
            endpoint.address = checker.target.address
            endpoint.additionalAddresses = []
        }
        // Apart from the requests' connections, whose limits and queues are not to decide about health.
        endpoint.cluster = cluster + " (health check)"
        endpoint.connectTimeout = min(endpoint.connectTimeout, check.timeout)
        // One probe at a time, and perhaps a connection that is still being closed.
        endpoint.maximumConnections = 4
        endpoint.maximumPendingRequests = 4
        var connection = endpoint.connection
        connection.maximumRequests = check.reusesConnections ? 0 : 1
        connection.preconnectRatio = 1
        let host: String
        switch check.kind {
        case .http(let http):
            connection.httpVersion = http.version == .http2 ? .http2 : .http1
            host = http.host
        case .grpc(let grpc):
            connection.httpVersion = .http2
            host = grpc.authority
        case .tcp: host = ""
        }
        endpoint.connection = connection
        let names = [checker.target.hostname, host, cluster]
        self.init(endpoint: endpoint, check: check, authority: names.first { !$0.isEmpty } ?? cluster)
    }
}
