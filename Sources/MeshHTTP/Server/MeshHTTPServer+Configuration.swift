// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
public import NIOPosix

extension MeshHTTPServer {
    /// How a server behaves. Its limits bound what a caller can cost; they hold for each connection, but for their number.
    public struct Configuration: Sendable {
        /// Where the server listens; port 0 lets the system choose. Default `127.0.0.1:0`.
        public var address: EndpointAddress
        /// TLS on every connection, whatever the mesh's configuration says, unless that names secrets for the server;
        /// default none. Without it, and without `mutualTLS`, HTTP/1.1 and HTTP/2 by prior knowledge share the port.
        public var security: ServerTransportSecurity?
        /// TLS by the process's own identity, where the mesh's configuration wants it (`Listener.InboundSecurity`); default
        /// none. `security` goes before it.
        ///
        /// The server's listener says whether connections have it, may have it or have none, and a server that runs follows
        /// when that changes. While there is no configuration, and where no listener is for the server's address, all have it.
        public var mutualTLS: ServerTransportSecurity?
        /// The event loops that connections live on, and handlers run on. Default: the process's shared group.
        public var eventLoopGroup: MultiThreadedEventLoopGroup
        /// The most open connections; further ones are closed as they come in.
        ///
        /// At least 1; default 10 000. Envoy has no default, and asks operators to set one at the edge.
        public var maximumConnections: Int
        /// The most bytes of header fields in a request. Default 60 KiB: Envoy's `max_request_headers_kb`.
        public var maximumHeaderBytes: Int
        /// The most header fields in a request. Default 100: Envoy's `max_headers_count`.
        public var maximumHeaderCount: Int
        /// How long a request's head may take from its first byte, and a new connection to its first head.
        ///
        /// Default 10 s: what Envoy's edge guide gives `request_headers_timeout`.
        public var headerTimeout: Nanoseconds
        /// How long a connection may be without a request. Default 1 h: Envoy's `idle_timeout`.
        public var idleTimeout: Nanoseconds
        /// How long the server waits for the next piece of a body that a handler wants, and for the caller to take a
        /// piece of the response. Default 5 min: Envoy's `stream_idle_timeout`.
        public var stallTimeout: Nanoseconds
        /// The bytes of a request's body that are held for the handler before the caller has to wait. Default 64 KiB.
        public var bodyHighWatermark: Int
        /// How long requests under way may take to finish when the server stops; then they are cut off.
        ///
        /// Default 30 s: Kubernetes' `terminationGracePeriodSeconds`.
        public var gracePeriod: Nanoseconds
        /// What holds for HTTP/2 only.
        public var http2: HTTP2Limits

        /// What an HTTP/2 connection may ask of the server.
        public struct HTTP2Limits: Sendable {
            /// The most streams at once. Default 100: Envoy's edge guide, and RFC 9113 §6.5.2 advises no fewer.
            public var maximumConcurrentStreams: Int
            /// The flow-control window of a stream, in bytes. Default 64 KiB: Envoy's edge guide.
            public var streamWindow: Int
            /// The flow-control window of the connection, in bytes. Default 1 MiB: Envoy's edge guide.
            public var connectionWindow: Int
            /// The most streams that a caller may reset within `window`, before the connection is closed (rapid reset,
            /// CVE-2023-44487). Default 200 in 30 s: swift-nio-http2.
            public var maximumResets: Int
            /// The most PING, SETTINGS and PRIORITY frames within `window`. Default 200 in 30 s: swift-nio-http2.
            public var maximumControlFrames: Int
            /// How many WINDOW_UPDATE frames the caller may send for each DATA frame that it got, before the connection
            /// is closed with ENHANCE_YOUR_CALM. Envoy's formula doubles that, and adds two a stream and five at once.
            ///
            /// Default 10: Envoy's `max_inbound_window_update_frames_per_data_frame_sent`.
            public var maximumWindowUpdatesPerDataFrame: Int
            /// How many PRIORITY frames the caller may send for each stream that it opened, and one stream more, before
            /// the connection is closed with ENHANCE_YOUR_CALM.
            ///
            /// Default 100: Envoy's `max_inbound_priority_frames_per_stream`. It bounds all of a connection's life,
            /// `maximumControlFrames` a part of it.
            public var maximumPrioritiesPerStream: Int
            /// The time over which resets, errors and control frames are counted. Default 30 s.
            public var window: Nanoseconds
            /// The most CONTINUATION frames of one head (CVE-2024-27316). Default 5: swift-nio-http2.
            public var maximumContinuations: Int
            /// How long a connection may be silent before the caller is asked by a PING whether it is there; it has 20 s
            /// to answer (gRPC's `KEEPALIVE_TIMEOUT`). Default `nil`: nobody asks.
            public var keepaliveInterval: Nanoseconds?
            /// How long a connection may live before the caller is told to open another one, and has
            /// `Configuration.gracePeriod` for what is under way. Default `nil`: as long as it likes, as in Envoy.
            public var maximumConnectionAge: Nanoseconds?

            /// Creates limits with the defaults.
            public init(
                maximumConcurrentStreams: Int = 100,
                streamWindow: Int = 65_535,
                connectionWindow: Int = 1024 * 1024,
                maximumResets: Int = 200,
                maximumControlFrames: Int = 200,
                maximumWindowUpdatesPerDataFrame: Int = 10,
                maximumPrioritiesPerStream: Int = 100,
                window: Nanoseconds = .seconds(30),
                maximumContinuations: Int = 5,
                keepaliveInterval: Nanoseconds? = nil,
                maximumConnectionAge: Nanoseconds? = nil
            ) {
                self.keepaliveInterval = keepaliveInterval
                self.maximumConnectionAge = maximumConnectionAge
                self.maximumConcurrentStreams = maximumConcurrentStreams
                self.streamWindow = streamWindow
                self.connectionWindow = connectionWindow
                self.maximumResets = maximumResets
                self.maximumControlFrames = maximumControlFrames
                self.maximumWindowUpdatesPerDataFrame = maximumWindowUpdatesPerDataFrame
                self.maximumPrioritiesPerStream = maximumPrioritiesPerStream
                self.window = window
                self.maximumContinuations = maximumContinuations
            }
        }

        /// Creates a configuration with the defaults.
        public init(
            address: EndpointAddress = EndpointAddress(host: "127.0.0.1", port: 0),
            security: ServerTransportSecurity? = nil,
            mutualTLS: ServerTransportSecurity? = nil,
            eventLoopGroup: MultiThreadedEventLoopGroup = .singleton,
            maximumConnections: Int = 10_000,
            maximumHeaderBytes: Int = 60 * 1024,
            maximumHeaderCount: Int = 100,
            headerTimeout: Nanoseconds = .seconds(10),
            idleTimeout: Nanoseconds = .seconds(3600),
            stallTimeout: Nanoseconds = .seconds(300),
            bodyHighWatermark: Int = 64 * 1024,
            gracePeriod: Nanoseconds = .seconds(30),
            http2: HTTP2Limits = HTTP2Limits()
        ) {
            self.address = address
            self.security = security
            self.mutualTLS = mutualTLS
            self.eventLoopGroup = eventLoopGroup
            self.maximumConnections = maximumConnections
            self.maximumHeaderBytes = maximumHeaderBytes
            self.maximumHeaderCount = maximumHeaderCount
            self.headerTimeout = headerTimeout
            self.idleTimeout = idleTimeout
            self.stallTimeout = stallTimeout
            self.bodyHighWatermark = bodyHighWatermark
            self.gracePeriod = gracePeriod
            self.http2 = http2
        }
    }
}
