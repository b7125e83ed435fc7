// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// One place that a request can be sent to, with all that a transport must know to reach it.
///
/// A copy costs one reference count, because every request and every connection has one; a change costs an allocation.
public struct Endpoint: Hashable, Sendable {
    private(set) var storage: Storage

    /// Where it listens.
    public var address: EndpointAddress {
        get { storage.fields.address }
        set { change { $0.address = newValue } }
    }
    /// How the connection is protected.
    public var security: Security {
        get { storage.fields.security }
        set { change { $0.security = newValue } }
    }
    /// The server name indication (RFC 6066 §3) of mutual TLS, wherever the endpoint is dialled; `nil` for none.
    ///
    /// Gateways choose by it what they pass the connection on to. Whom the peer must prove to be is for `security` to
    /// say. Envoy's `UpstreamTlsContext.sni`, whose default is none. `Security.tls` has its own.
    public var serverName: String? {
        get { storage.fields.serverName }
        set { change { $0.serverName = newValue } }
    }
    /// How long a connection attempt may take.
    ///
    /// Default 5 s: Envoy's `Cluster.connect_timeout`.
    public var connectTimeout: Nanoseconds {
        get { storage.fields.connectTimeout }
        set { change { $0.connectTimeout = newValue } }
    }
    /// The most requests that may wait for a connection; more are refused with `MeshError.Code.overflow`.
    ///
    /// Default 1024: Envoy's `CircuitBreakers.Thresholds.max_pending_requests`.
    public var maximumPendingRequests: Int {
        get { storage.fields.maximumPendingRequests }
        set { change { $0.maximumPendingRequests = newValue } }
    }
    /// The most connections to this endpoint, per process.
    ///
    /// Default 1024: Envoy's `CircuitBreakers.Thresholds.max_connections`.
    public var maximumConnections: Int {
        get { storage.fields.maximumConnections }
        set { change { $0.maximumConnections = newValue } }
    }
    /// How connections are made and kept.
    public var connection: ConnectionOptions {
        get { storage.fields.connection }
        set { change { $0.connection = newValue } }
    }
    /// The proxy through which the endpoint is reached, by HTTP CONNECT; `nil` for none.
    ///
    /// Envoy's `http_11_proxy` transport socket.
    public var proxy: EndpointAddress? {
        get { storage.fields.proxy }
        set { change { $0.proxy = newValue } }
    }
    /// The cluster that the endpoint was picked from, whose connections are apart from those of other clusters, as in
    /// Envoy; empty for none.
    public var cluster: String {
        get { storage.fields.cluster }
        set { change { $0.cluster = newValue } }
    }
    /// The host name that it serves, for routes that rewrite the authority to it; empty for none.
    public var hostname: String {
        get { storage.fields.hostname }
        set { change { $0.hostname = newValue } }
    }

    /// Other addresses of the same instance, each an IP address with a port, in the order of preference. Whoever connects
    /// tries them with `address` by Happy Eyeballs (RFC 8305), and the first that answers is the connection. They are no
    /// part of what identifies the endpoint.
    ///
    /// Default none: `envoy.config.endpoint.v3.Endpoint.additional_addresses`, gRFC A61.
    public var additionalAddresses: [EndpointAddress] {
        get { storage.fields.additionalAddresses }
        set { change { $0.additionalAddresses = newValue } }
    }

    /// The addresses of the host name that `address` has, kept up to date by the mesh; `nil` if whoever connects resolves
    /// it. They are no part of what identifies the endpoint.
    public var resolvedHost: ResolvedHost? {
        get { storage.fields.resolvedHost }
        set { change { $0.resolvedHost = newValue } }
    }

    /// What protects mutual TLS in place of the process's own identity; `nil` for that.
    ///
    /// Whoever connects must not use its own identity then: neither its certificate nor its roots are the ones that were
    /// meant. Envoy's `SdsSecretConfig`.
    public var secrets: DeliveredSecrets? {
        get { storage.fields.secrets }
        set { change { $0.secrets = newValue } }
    }

    /// Names by other comparisons than those of `security`: with mutual TLS the peer must prove one of either.
    ///
    /// Default empty: Envoy's `match_typed_subject_alt_names` beyond exact URIs.
    public var peerNames: [PeerNameMatcher] {
        get { storage.fields.peerNames }
        set { change { $0.peerNames = newValue } }
    }

    /// The place that it is in, as metrics tell it. It is no part of what identifies the endpoint.
    ///
    /// Default: none (`LocalityLbEndpoints.locality`).
    public var locality: Locality {
        get { storage.fields.locality }
        set { change { $0.locality = newValue } }
    }

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
        serverName: String? = nil,
        connectTimeout: Nanoseconds = .seconds(5),
        maximumPendingRequests: Int = 1024,
        maximumConnections: Int = 1024,
        connection: ConnectionOptions = ConnectionOptions(),
        proxy: EndpointAddress? = nil,
        cluster: String = "",
        hostname: String = "",
        additionalAddresses: [EndpointAddress] = [],
        resolvedHost: ResolvedHost? = nil,
        secrets: DeliveredSecrets? = nil,
        peerNames: [PeerNameMatcher] = [],
        locality: Locality = Locality()
    ) {
        self.storage = Storage(
            Fields(
                address: address,
                security: security,
                serverName: serverName,
                connectTimeout: connectTimeout,
                maximumPendingRequests: maximumPendingRequests,
                maximumConnections: maximumConnections,
                connection: connection,
                proxy: proxy,
                cluster: cluster,
                hostname: hostname,
                additionalAddresses: additionalAddresses,
                resolvedHost: resolvedHost,
                secrets: secrets,
                peerNames: peerNames,
                locality: locality
            )
        )
    }

    /// Whether two endpoints are equal in every field. Copies of one value are without looking at them.
    public static func == (lhs: Endpoint, rhs: Endpoint) -> Bool {
        lhs.storage === rhs.storage || lhs.storage.fields == rhs.storage.fields
    }

    /// Hashes what identifies the endpoint, which was done when it was made.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(storage.keyHash)
    }

    private mutating func change(_ body: (inout Fields) -> Void) {
        var fields = storage.fields
        body(&fields)
        storage = Storage(fields)
    }

    struct Fields: Equatable {
        var address: EndpointAddress
        var security: Security
        var serverName: String?
        var connectTimeout: Nanoseconds
        var maximumPendingRequests: Int
        var maximumConnections: Int
        var connection: ConnectionOptions
        var proxy: EndpointAddress?
        var cluster: String
        var hostname: String
        var additionalAddresses: [EndpointAddress]
        var resolvedHost: ResolvedHost?
        var secrets: DeliveredSecrets?
        var peerNames: [PeerNameMatcher]
        var locality: Locality
    }

    final class Storage: Sendable {
        let fields: Fields
        let keyHash: Int

        init(_ fields: Fields) {
            self.fields = fields
            var hasher = Hasher()
            fields.hashKey(into: &hasher)
            self.keyHash = hasher.finalize()
        }
    }
}
