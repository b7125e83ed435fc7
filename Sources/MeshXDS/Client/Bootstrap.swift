// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Where the control plane is and who this process is: what an xDS client has to know before it knows anything.
///
/// gRPC's format and variables (gRFC A27): `GRPC_XDS_BOOTSTRAP` names a file and wins over the text in
/// `GRPC_XDS_BOOTSTRAP_CONFIG`. Fields that are not known here are passed over, as gRPC does.
public struct Bootstrap: Hashable, Sendable {
    /// A control plane.
    public struct Server: Hashable, Sendable {
        /// How the connection is protected.
        public enum Credentials: String, Hashable, Sendable {
            /// Plaintext.
            case insecure
            /// TLS with the system's roots.
            case tls
        }

        /// The features that mean something to this client; it passes others over.
        public enum Feature {
            /// Incremental ADS is to be spoken. A feature of our own: gRPC's clients know none for it, and pass it over.
            public static let delta = "delta_ads"
            /// Bad data are worse than none: what was refused or deleted is not used on (gRFC A88).
            public static let failOnDataErrors = "fail_on_data_errors"
            /// The server says what does not exist, so that silence means that it is slow: 30 s are waited for a resource
            /// instead of 15 s (gRFC A88).
            public static let timerIsTransientError = "resource_timer_is_transient_error"
        }

        /// `host:port`, `dns:///host:port` or `unix:PATH`.
        public var uri: String
        /// How the connection is protected: the first kind in the list that is known here.
        public var credentials: Credentials
        /// The features that the server is said to have.
        public var features: [String]
        /// The longest response that is taken, in bytes: 1 KiB to 2 GiB. A longer one ends the stream as a failure.
        ///
        /// Default 64 MiB, some 100 000 endpoints. gRPC takes 4 MiB, which meshes of some 700 services outgrow (grpc-go issue
        /// 5790); in the file it is gRFC A70's `max_xds_message_size`.
        public var maximumMessageBytes: Int

        /// What `maximumMessageBytes` may be: protobuf has no longer messages.
        public static let messageBytes = 1024...Int(Int32.max)

        /// Creates a server.
        /// - Precondition: `maximumMessageBytes` is within `messageBytes`.
        public init(
            uri: String,
            credentials: Credentials = .insecure,
            features: [String] = ["xds_v3"],
            maximumMessageBytes: Int = 64 << 20
        ) {
            precondition(Self.messageBytes.contains(maximumMessageBytes), "a response has 1 KiB to 2 GiB")
            self.uri = uri
            self.credentials = credentials
            self.features = features
            self.maximumMessageBytes = maximumMessageBytes
        }
    }

    /// Who this process is.
    public struct Node: Hashable, Sendable {
        /// The identifier.
        public var id: String
        /// The cluster that it belongs to.
        public var cluster: String
        /// Where it runs.
        public var locality: Locality
        /// Free-form facts; Istio reads `NAMESPACE`, `SERVICE_ACCOUNT`, `LABELS` and more.
        public var metadata: [String: MetadataValue]

        /// Creates a node.
        public init(
            id: String,
            cluster: String = "",
            locality: Locality = Locality(),
            metadata: [String: MetadataValue] = [:]
        ) {
            self.id = id
            self.cluster = cluster
            self.locality = locality
            self.metadata = metadata
        }
    }

    /// The control planes, in order of preference; never empty.
    public var servers: [Server]
    /// Who this process is.
    public var node: Node
    /// The certificate providers by name, as they stand in the file.
    public var certificateProviders: [String: MetadataValue]
    /// The name of an inbound listener, with `%s` for `ip:port`. One that begins with `xdstp:` says whose it is.
    ///
    /// Default Istio's, `xds.istio.io/grpc/lds/inbound/%s`.
    public var serverListenerResourceNameTemplate: String
    /// The name of the listener of a target without an authority (`XDSTarget`), with `%s` for its host. One that begins with
    /// `xdstp:` says whose it is.
    ///
    /// Default `%s`: gRFC A47's.
    public var clientDefaultListenerResourceNameTemplate: String
    /// Who answers for resources whose names begin with `xdstp://` and the authority's name (gRFC A47). Default: nobody.
    ///
    /// Names without an authority (`xdstp:///`) are those of the entry under the empty name.
    public var authorities: [String: Authority]

    /// Creates a bootstrap of one control plane.
    public init(server: EndpointAddress, node: Node) {
        self.init(servers: [Server(uri: server.port == nil ? "unix:\(server.host)" : "\(server)")], node: node)
    }

    /// Creates a bootstrap. `validate` says whether its templates make sense.
    /// - Precondition: `servers` is not empty.
    public init(
        servers: [Server],
        node: Node,
        certificateProviders: [String: MetadataValue] = [:],
        serverListenerResourceNameTemplate: String = XDSNode.inboundListenerPrefix + "%s",
        clientDefaultListenerResourceNameTemplate: String = "%s",
        authorities: [String: Authority] = [:]
    ) {
        precondition(!servers.isEmpty, "a bootstrap needs a server")
        self.servers = servers
        self.node = node
        self.certificateProviders = certificateProviders
        self.serverListenerResourceNameTemplate = serverListenerResourceNameTemplate
        self.clientDefaultListenerResourceNameTemplate = clientDefaultListenerResourceNameTemplate
        self.authorities = authorities
    }
}
