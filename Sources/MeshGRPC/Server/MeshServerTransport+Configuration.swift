// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
public import MeshHTTP

extension MeshServerTransport {
    /// How a server's transport behaves.
    public struct Configuration: Sendable {
        /// The server below: its address, TLS, event loops, grace period and limits.
        ///
        /// Default `MeshHTTPServer.Configuration.grpc(address:)`.
        public var http: MeshHTTPServer.Configuration
        /// The largest message to accept, in bytes; a larger one ends its RPC with RESOURCE_EXHAUSTED.
        ///
        /// Default 4 MiB: gRPC's `GRPC_DEFAULT_MAX_RECV_MESSAGE_LENGTH`.
        public var maximumRequestMessageBytes: Int
        /// The largest message to send, in bytes; a larger one ends its RPC with RESOURCE_EXHAUSTED.
        ///
        /// Default 4 MiB: what callers accept by their own default. gRPC's servers have no limit of their own.
        public var maximumResponseMessageBytes: Int
        /// How messages are compressed, to callers that accept it, and which requests are accepted.
        public var compression: MessageCompression
        /// How much metadata a request may have. Default 8 KiB, and 16 KiB at most: gRPC core's.
        public var metadata: MetadataLimits
        /// Whether connections are refused while the mesh's configuration has no listener for the server's address
        /// (gRFC A36).
        ///
        /// Default `false`: connections are taken, and RPCs are refused with UNAVAILABLE only until there is any
        /// configuration. `true` for servers that a control plane configures, as gRPC's xDS servers are.
        public var requiresListener: Bool

        /// Creates a configuration with the defaults.
        public init(
            http: MeshHTTPServer.Configuration = .grpc(),
            maximumRequestMessageBytes: Int = MeshServerTransport.Configuration.defaultMaximumMessageBytes,
            maximumResponseMessageBytes: Int = MeshServerTransport.Configuration.defaultMaximumMessageBytes,
            compression: MessageCompression = MessageCompression(),
            metadata: MetadataLimits = MetadataLimits(),
            requiresListener: Bool = false
        ) {
            self.http = http
            self.maximumRequestMessageBytes = maximumRequestMessageBytes
            self.maximumResponseMessageBytes = maximumResponseMessageBytes
            self.compression = compression
            self.metadata = metadata
            self.requiresListener = requiresListener
        }

        /// The largest message by default, 4 MiB.
        public static let defaultMaximumMessageBytes = 4 << 20
    }
}

extension MeshHTTPServer.Configuration {
    /// How a server behaves that serves RPCs: streams may stand still for as long as they like, and callers are asked
    /// whether they are there.
    ///
    /// - A stream that neither side writes to is not cut: gRPC has no such timeout. A connection that is silent for two
    ///   hours is asked by a PING (gRPC's `GRPC_ARG_KEEPALIVE_TIME_MS` of servers).
    /// - 1000 streams at once, as calls may last: gRPC's servers have no limit.
    /// - 20 000 control frames in 30 s: gRPC's clients measure the path by a PING with each burst of data.
    /// - 2000 resets in 30 s, as each call whose deadline passes is reset.
    /// - Parameter address: Where the server listens; port 0 lets the system choose. Default `127.0.0.1:0`.
    public static func grpc(
        address: EndpointAddress = EndpointAddress(host: "127.0.0.1", port: 0)
    ) -> MeshHTTPServer.Configuration {
        MeshHTTPServer.Configuration(
            address: address,
            // Metadata is bounded by `MetadataLimits`, which say so to the caller; this is above its hard limit.
            maximumHeaderBytes: 64 * 1024,
            maximumHeaderCount: 512,
            stallTimeout: .forever,
            http2: HTTP2Limits(
                maximumConcurrentStreams: 1000,
                maximumResets: 2000,
                maximumControlFrames: 20_000,
                keepaliveInterval: .seconds(7200)
            )
        )
    }
}
