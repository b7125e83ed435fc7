// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// One place that a request can be sent to, with all that a transport must know to reach it.
public struct Endpoint: Hashable, Sendable {
    /// Where it listens.
    public var address: EndpointAddress
    /// How the connection is protected.
    public var security: Security
    /// How long a connection attempt may take.
    ///
    /// Default 5 s: Envoy's `Cluster.connect_timeout`.
    public var connectTimeout: Nanoseconds
    /// The most requests that may wait for a connection; more are refused with `MeshError.Code.overflow`.
    ///
    /// Default 1024: Envoy's `CircuitBreakers.Thresholds.max_pending_requests`.
    public var maximumPendingRequests: Int
    /// The most connections to this endpoint, per process.
    ///
    /// Default 1024: Envoy's `CircuitBreakers.Thresholds.max_connections`.
    public var maximumConnections: Int
    /// How connections are made and kept.
    public var connection: ConnectionOptions
    /// The proxy through which the endpoint is reached, by HTTP CONNECT; `nil` for none.
    ///
    /// Envoy's `http_11_proxy` transport socket.
    public var proxy: EndpointAddress?
    /// The cluster that the endpoint was picked from, whose connections are apart from those of other clusters, as in
    /// Envoy; empty for none.
    public var cluster: String

    /// How a connection to an endpoint is protected.
    public enum Security: Hashable, Sendable {
        /// Not at all.
        case plaintext
        /// TLS with the mesh's identity on both sides; the peer must prove one of these SPIFFE identities.
        ///
        /// An empty list accepts every identity of the trusted domains.
        case mutualTLS(acceptedIdentities: [String])
        /// TLS as the public web has it, for hosts outside the mesh: the system's trust roots, no identity of ours.
        ///
        /// The certificate must be valid for `serverName`, which is also sent as the server name indication.
        case tls(serverName: String)
    }

    /// Creates an endpoint.
    public init(
        address: EndpointAddress,
        security: Security = .plaintext,
        connectTimeout: Nanoseconds = .seconds(5),
        maximumPendingRequests: Int = 1024,
        maximumConnections: Int = 1024,
        connection: ConnectionOptions = ConnectionOptions(),
        proxy: EndpointAddress? = nil,
        cluster: String = ""
    ) {
        self.address = address
        self.security = security
        self.connectTimeout = connectTimeout
        self.maximumPendingRequests = maximumPendingRequests
        self.maximumConnections = maximumConnections
        self.connection = connection
        self.proxy = proxy
        self.cluster = cluster
    }
}
