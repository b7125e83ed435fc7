// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
public import NIOPosix

extension HTTPTransport {
    /// How a transport behaves.
    public struct Configuration: Sendable {
        /// The event loops that connections live on.
        ///
        /// Default: the process's shared group. Give the servers of the process the same group, so that a request that
        /// is served on a loop finds its outbound connections there.
        public var eventLoopGroup: MultiThreadedEventLoopGroup
        /// How long a connection may be idle before it is closed; 0 for ever.
        ///
        /// Default 60 s, which is shorter than the idle timeouts of common servers and balancers.
        public var idleTimeout: Nanoseconds
        /// How long a connection may be used, so that it does not outlive an identity or a change of address.
        ///
        /// Default `forever`: Envoy's `max_connection_duration` is unset by default.
        public var maximumConnectionAge: Nanoseconds
        /// The most bytes of header fields in a response.
        ///
        /// Default 60 KiB: Envoy's `max_request_headers_kb`, taken for responses too.
        public var maximumHeaderBytes: Int
        /// The most header fields in a response, at most 65 000.
        ///
        /// Default 100: Envoy's `max_headers_count`.
        public var maximumHeaderFields: Int
        /// How many bytes of a response's body may wait for its reader before the peer is made to pause.
        ///
        /// Default 64 KiB. A read that is under way may add as much again.
        public var bodyBufferLimit: Int
        /// How many bytes of a response that nobody wants are read to keep its connection; beyond them it is closed.
        ///
        /// Default 64 KiB: about what a new connection's handshake and first round trips cost.
        public var drainLimit: Int
        /// How long reading such a rest may take.
        ///
        /// Default 1 s.
        public var drainTimeout: Nanoseconds
        /// How long a body that waits for `100 Continue` is held back if the peer says nothing.
        ///
        /// Default 1 s: curl's; RFC 9110 §10.1.1 asks clients not to wait for ever.
        public var continueTimeout: Nanoseconds
        /// How many bytes of all responses on a connection of HTTP/2 may be on their way.
        ///
        /// Default 16 MiB, at least 64 KiB. Each response alone is bounded by `bodyBufferLimit`.
        public var connectionWindow: Int
        /// The proxy through which hosts outside the mesh are reached, by HTTP CONNECT; `nil` for none.
        public var proxy: EndpointAddress?
        /// The value of `proxy-authorization` for `proxy`; `nil` for none.
        ///
        /// A proxy with another address never gets it: endpoints name theirs by what configuration sources say of them,
        /// and whoever may write that is not to learn the secret.
        public var proxyAuthorization: String?
        /// TLS to endpoints of the mesh by the process's own identity; without it, endpoints that want that cannot be reached.
        /// Those whose cluster names secrets (`Cluster.secrets`) need none.
        public var mutualTLS: ClientTLS?
        /// TLS to hosts outside the mesh; `nil` for the system's roots.
        public var publicTLS: ClientTLS?
        /// The clock that deadlines are instants of. Event loops wait by the system's monotonic clock.
        public var clock: any MeshClock
        /// Who hears what happens to connections; give it the mesh's.
        public var observers: ObserverSet

        /// Creates a configuration with the defaults.
        public init(
            eventLoopGroup: MultiThreadedEventLoopGroup = .singleton,
            idleTimeout: Nanoseconds = .seconds(60),
            maximumConnectionAge: Nanoseconds = .forever,
            maximumHeaderBytes: Int = 60 * 1024,
            maximumHeaderFields: Int = 100,
            bodyBufferLimit: Int = 64 * 1024,
            drainLimit: Int = 64 * 1024,
            drainTimeout: Nanoseconds = .seconds(1),
            continueTimeout: Nanoseconds = .seconds(1),
            connectionWindow: Int = 16 << 20,
            proxy: EndpointAddress? = nil,
            proxyAuthorization: String? = nil,
            mutualTLS: ClientTLS? = nil,
            publicTLS: ClientTLS? = nil,
            clock: any MeshClock = SystemClock(),
            observers: ObserverSet = .none
        ) {
            self.eventLoopGroup = eventLoopGroup
            self.idleTimeout = idleTimeout
            self.maximumConnectionAge = maximumConnectionAge
            self.maximumHeaderBytes = maximumHeaderBytes
            self.maximumHeaderFields = maximumHeaderFields
            self.bodyBufferLimit = bodyBufferLimit
            self.drainLimit = drainLimit
            self.drainTimeout = drainTimeout
            self.continueTimeout = continueTimeout
            self.connectionWindow = connectionWindow
            self.proxy = proxy
            self.proxyAuthorization = proxyAuthorization
            self.mutualTLS = mutualTLS
            self.publicTLS = publicTLS
            self.clock = clock
            self.observers = observers
        }
    }

    /// How many of everything there are at the moment.
    public struct Statistics: Hashable, Sendable {
        /// Endpoints with a connection or a waiting request.
        public var endpoints = 0
        /// Connections: being made, idle, in use, being closed.
        public var connections = 0
        /// Connections that wait for a request.
        public var idleConnections = 0
        /// Requests that wait for a connection.
        public var pendingRequests = 0
        /// Requests that are on a connection.
        public var activeRequests = 0

        /// Creates statistics of nothing.
        public init() {}

        mutating func add(_ other: Statistics) {
            endpoints += other.endpoints
            connections += other.connections
            idleConnections += other.idleConnections
            pendingRequests += other.pendingRequests
            activeRequests += other.activeRequests
        }
    }
}
