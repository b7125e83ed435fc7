// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// What the operators of formats may ask for besides the heads of request and response.
///
/// Whoever evaluates a format fills in what it knows. What nobody knows is left out of the text, but for these, which
/// Envoy has a word for: `RESPONSE_CODE`, `BYTES_RECEIVED` and `BYTES_SENT` are `0`, `RESPONSE_FLAGS` and
/// `RESPONSE_FLAGS_LONG` are `-`, and so is a variable of the environment that is not set.
public struct FormatFacts: Sendable {
    /// When the request came, since 1970.
    public var startTime: Nanoseconds?
    /// The caller's protocol: `HTTP/1.0`, `HTTP/1.1`, `HTTP/2` or `HTTP/3`.
    public var protocolName: String?
    /// The status code of the response.
    public var responseCode: Int?
    /// Where the response came from (`via_upstream`, `route_not_found`).
    public var responseCodeDetails: String?
    /// What happened to the request.
    public var responseFlags: [ResponseFlag] = []
    /// Why the mesh ended the caller's connection.
    public var connectionTerminationDetails: String?
    /// Bytes of the request's body.
    public var bytesReceived: UInt64 = 0
    /// Bytes of the response's body.
    public var bytesSent: UInt64 = 0
    /// From the request's first byte to the response's last, or until now.
    public var duration: Nanoseconds?
    /// From the request's first byte to its last.
    public var requestDuration: Nanoseconds?
    /// From the request's first byte to the response's first.
    public var responseDuration: Nanoseconds?
    /// Instants by the names that `COMMON_DURATION` has for them: `DS_RX_BEG`, `US_TX_END` and so on.
    public var instants: [String: MeshInstant] = [:]
    /// The cluster.
    public var cluster: String?
    /// The endpoint's address and port.
    public var upstreamHost: String?
    /// The endpoint's name.
    public var upstreamHostName: String?
    /// This side's address and port of the connection to the endpoint.
    public var upstreamLocalAddress: String?
    /// The upstream's protocol.
    public var upstreamProtocol: String?
    /// Why no connection to the endpoint came about.
    public var transportFailureReason: String?
    /// How many attempts there were.
    public var attemptCount: Int?
    /// The endpoints of all attempts.
    public var hostsAttempted: [String] = []
    /// The caller's address.
    public var downstreamAddress: String?
    /// The caller's port.
    public var downstreamPort: UInt16?
    /// This side's address of the connection with the caller.
    public var localAddress: String?
    /// This side's port of the connection with the caller.
    public var localPort: UInt16?
    /// The identities of the caller's certificate.
    public var peerURISANs: [String] = []
    /// The subject of the caller's certificate.
    public var peerSubject: String?
    /// The version of the caller's TLS.
    public var tlsVersion: String?
    /// The server name that the caller asked for by TLS.
    public var requestedServerName: String?
    /// The route.
    public var routeName: String?
    /// The virtual cluster.
    public var virtualCluster: String?
    /// The name of this machine.
    public var hostName: String?
    /// The trace and its span.
    public var trace: TraceContext = .none
    /// A number of the request that no other has.
    public var requestID: String?
    /// The gRPC status, where it is known from elsewhere than the heads.
    public var grpcStatus: Int?
    /// What filters noted, by their namespace.
    public var dynamicMetadata: [String: MetadataValue] = [:]
    /// What the configuration notes about the cluster.
    public var clusterMetadata: [String: MetadataValue] = [:]
    /// What the configuration notes about the endpoint.
    public var endpointMetadata: [String: MetadataValue] = [:]
    /// What the configuration notes about the route.
    public var routeMetadata: [String: MetadataValue] = [:]
    /// What the configuration notes about the virtual host.
    public var virtualHostMetadata: [String: MetadataValue] = [:]
    /// Texts that filters noted.
    public var filterState: [String: String] = [:]
    /// The process's environment.
    public var environment: [String: String] = [:]

    /// Creates facts of which none is known.
    public init() {}
}
