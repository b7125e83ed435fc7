// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// How connections to an endpoint are made and kept: a cluster's `HttpProtocolOptions`.
///
/// A transport that has no use for a field ignores it. Plain values only, because an endpoint is copied with every
/// context.
public struct ConnectionOptions: Hashable, Sendable {
    /// The version of HTTP that is spoken.
    ///
    /// Default `http1`: Envoy's `explicit_http_config` without a choice.
    public var httpVersion: HTTPVersion
    /// How long a connection may be without a request before it is closed; 0 for ever, `nil` for what the transport
    /// says.
    ///
    /// Envoy's `common_http_protocol_options.idle_timeout`, whose default is 1 h.
    public var idleTimeout: Nanoseconds?
    /// How long a connection may take new requests; `nil` for what the transport says.
    ///
    /// Envoy's `max_connection_duration`, which is unset by default.
    public var maximumAge: Nanoseconds?
    /// How many requests a connection may carry; 0 for any number.
    ///
    /// Default 0: Envoy's `max_requests_per_connection` is unset by default.
    public var maximumRequests: UInt32
    /// The most requests that may be under way on one connection of HTTP/2; the peer may allow fewer.
    ///
    /// Default 1024: Envoy's `max_concurrent_streams`. At least 1.
    public var maximumConcurrentStreams: UInt32
    /// How long a connection of HTTP/2 may be silent before a ping is sent; 0 for never.
    ///
    /// Default 0: Envoy's `connection_keepalive.interval` is unset by default.
    public var keepaliveInterval: Nanoseconds
    /// How long the answer to such a ping may take before the connection is closed.
    ///
    /// Default 20 s: gRPC's `KEEPALIVE_TIMEOUT`; Envoy's `connection_keepalive.timeout` has no default.
    public var keepaliveTimeout: Nanoseconds
    /// How many streams' worth of connections are kept ready for each request under way, from 1 to 3.
    ///
    /// Default 1, nothing ahead of its need: Envoy's `preconnect_policy.per_upstream_preconnect_ratio`.
    public var preconnectRatio: Double

    /// A version of HTTP, or the way to find one.
    public enum HTTPVersion: UInt8, Hashable, Sendable, CaseIterable {
        /// HTTP/1.1, also over TLS.
        case http1
        /// HTTP/2: by prior knowledge in plaintext, as the only offer of ALPN over TLS.
        case http2
        /// Over TLS what ALPN finds, HTTP/2 preferred; in plaintext HTTP/1.1 (Envoy's `auto_config`).
        case automatic

        /// What is offered by ALPN (RFC 7301), best first.
        public var applicationProtocols: [String] {
            switch self {
            case .http1: ["http/1.1"]
            case .http2: ["h2"]
            case .automatic: ["h2", "http/1.1"]
            }
        }
    }

    /// Creates options with the defaults.
    public init(
        httpVersion: HTTPVersion = .http1,
        idleTimeout: Nanoseconds? = nil,
        maximumAge: Nanoseconds? = nil,
        maximumRequests: UInt32 = 0,
        maximumConcurrentStreams: UInt32 = 1024,
        keepaliveInterval: Nanoseconds = .zero,
        keepaliveTimeout: Nanoseconds = .seconds(20),
        preconnectRatio: Double = 1
    ) {
        self.httpVersion = httpVersion
        self.idleTimeout = idleTimeout
        self.maximumAge = maximumAge
        self.maximumRequests = maximumRequests
        self.maximumConcurrentStreams = maximumConcurrentStreams
        self.keepaliveInterval = keepaliveInterval
        self.keepaliveTimeout = keepaliveTimeout
        self.preconnectRatio = preconnectRatio
    }
}
