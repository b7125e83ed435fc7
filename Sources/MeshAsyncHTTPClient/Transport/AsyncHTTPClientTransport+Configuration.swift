// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import AsyncHTTPClient
public import MeshCore
public import NIOCore
public import NIOSSL

extension AsyncHTTPClientTransport {
    /// How a transport behaves.
    public struct Configuration: Sendable {
        /// How AsyncHTTPClient behaves: its pool, its proxy, its trust roots, its versions of HTTP.
        ///
        /// What the mesh decides is overruled: no redirects, no decompression, no tracing of its own, no retries of
        /// connection attempts (by default it tries for `timeout.connect`, so that a dead endpoint looks slow).
        /// `timeout.connect`, which also limits the wait for a connection of the pool, is 5 s where it is not set:
        /// Envoy's `Cluster.connect_timeout`.
        public var client: HTTPClient.Configuration
        /// The event loops that connections live on.
        ///
        /// Default: AsyncHTTPClient's, which is the process's shared group.
        public var eventLoopGroup: any EventLoopGroup
        /// TLS to endpoints that want mutual TLS; `nil` refuses them.
        ///
        /// AsyncHTTPClient has no place for a check of the peer's SPIFFE identity: whoever has a certificate from these
        /// trust roots is accepted, whatever the endpoint's `acceptedIdentities` say. `HTTPTransport` checks them. Keep
        /// one value and change it rarely: AsyncHTTPClient keeps a pool for each that it has seen.
        ///
        /// Default `nil`.
        public var mutualTLSWithoutIdentityCheck: TLSConfiguration?
        /// How many bytes of a response's body may wait for its reader before the peer is made to pause.
        ///
        /// Default 64 KiB. A chunk that is under way comes on top.
        public var bodyBufferLimit: Int
        /// How many bytes of a response that nobody wants are read to keep its connection; beyond them it is closed.
        ///
        /// Default 64 KiB, as `HTTPTransport` has it.
        public var drainLimit: Int
        /// How long reading such a rest may take.
        ///
        /// Default 1 s, as `HTTPTransport` has it.
        public var drainTimeout: Nanoseconds
        /// How many pairs of a server name and another host there may be, each of which takes a client of its own.
        ///
        /// AsyncHTTPClient binds the server name of TLS to the host it dials, but for one override a client. Hosts
        /// outside the mesh that are dialled by their own name take none. Default 64.
        public var maximumServerNames: Int
        /// The clock that deadlines are instants of. Event loops wait by the system's monotonic clock.
        public var clock: any MeshClock

        /// Creates a configuration with the defaults.
        public init(
            client: HTTPClient.Configuration = HTTPClient.Configuration(),
            eventLoopGroup: any EventLoopGroup = HTTPClient.defaultEventLoopGroup,
            mutualTLSWithoutIdentityCheck: TLSConfiguration? = nil,
            bodyBufferLimit: Int = 64 * 1024,
            drainLimit: Int = 64 * 1024,
            drainTimeout: Nanoseconds = .seconds(1),
            maximumServerNames: Int = 64,
            clock: any MeshClock = SystemClock()
        ) {
            self.client = client
            self.eventLoopGroup = eventLoopGroup
            self.mutualTLSWithoutIdentityCheck = mutualTLSWithoutIdentityCheck
            self.bodyBufferLimit = bodyBufferLimit
            self.drainLimit = drainLimit
            self.drainTimeout = drainTimeout
            self.maximumServerNames = maximumServerNames
            self.clock = clock
        }

        /// What AsyncHTTPClient is made with: the mesh follows redirects, tries again and traces, or nobody does.
        var overruled: HTTPClient.Configuration {
            var overruled = client
            overruled.redirectConfiguration = .disallow
            overruled.decompression = .disabled
            overruled.tracing.tracer = nil
            overruled.connectionPool.retryConnectionEstablishment = false
            if overruled.timeout.connect == nil { overruled.timeout.connect = .seconds(5) }
            return overruled
        }
    }
}
