// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import NIOCore
import NIOPosix

/// Makes channels to endpoints.
struct ConnectionDialer: Sendable {
    let configuration: HTTPTransport.Configuration
    let publicTLS: PublicTLS
    private let deliveredTLS = ClientTLS(SecretContexts())

    init(configuration: HTTPTransport.Configuration, publicTLS: PublicTLS) {
        self.configuration = configuration
        self.publicTLS = publicTLS
    }

    /// Connects, and tells the pool how it went. Called from any thread.
    func dial(_ endpoint: Endpoint, on loop: any EventLoop, for pool: any ConnectionOwner, as id: Int) {
        let dialedAt = configuration.clock.now
        let proxy = endpoint.proxy ?? (endpoint.isOutsideMesh ? configuration.proxy : nil)
        tls(for: endpoint, on: loop).flatMap { tls in
            // A proxy resolves the names that it is given, and has one address.
            let connected =
                proxy.map { connect(to: $0, within: endpoint.connectTimeout, on: loop) }
                ?? connect(to: endpoint, on: loop)
            return connected.flatMapThrowing { channel in
                // Nothing was read yet: the channel became active just now, on this loop.
                let setup = ConnectionSetup(
                    endpoint: endpoint,
                    tls: tls,
                    proxy: proxy,
                    configuration: configuration,
                    owner: pool,
                    id: id,
                    dialedAt: dialedAt
                )
                try channel.pipeline.syncOperations.addHandler(setup)
            }
        }.whenFailure { error in
            pool.connectFailed(id, cause: error)
        }
    }

    /// What protects connections to an endpoint; `nil` for nothing.
    func tls(for endpoint: Endpoint, on loop: any EventLoop) -> EventLoopFuture<ClientTLS?> {
        switch endpoint.security {
        case .plaintext: loop.makeSucceededFuture(nil)
        case .mutualTLS:
            if endpoint.secrets != nil {
                loop.makeSucceededFuture(deliveredTLS)
            } else if let tls = configuration.mutualTLS {
                loop.makeSucceededFuture(tls)
            } else {
                loop.makeFailedFuture(ClientTLS.notConfigured)
            }
        case .tls:
            if let tls = configuration.publicTLS {
                loop.makeSucceededFuture(tls)
            } else {
                publicTLS.load(on: loop).map { $0 }
            }
        }
    }

    /// Connects to one of an endpoint's addresses. Where it has several, and where its name has addresses of both
    /// families, they are tried by Happy Eyeballs (RFC 8305): 250 ms after each other, the next one at once when all that
    /// are under way have failed, within one time for all. The first that answers counts, and the others are closed.
    func connect(to endpoint: Endpoint, on loop: any EventLoop) -> EventLoopFuture<any Channel> {
        let timeout = endpoint.connectTimeout
        guard !endpoint.additionalAddresses.isEmpty else {
            let resolved = endpoint.resolvedHost?.addresses ?? []
            return connect(to: endpoint.address, resolved: resolved, within: timeout, on: loop)
        }
        let all = [endpoint.address] + endpoint.additionalAddresses
        let order = AddressOrder.interleaved(all.compactMap { AddressOrder.Candidate($0) })
        let connected = ClientBootstrap(group: loop)
            .connectTimeout(TimeAmount(timeout))
            .resolver(GivenAddresses(addresses: order.compactMap { try? SocketAddress($0.address) }, loop: loop))
            .connect(host: endpoint.address.host, port: Int(endpoint.address.port ?? 0))
        guard !configuration.observers.isEmpty else { return connected }
        return connected.map { channel in
            if let winner = channel.remoteAddress.flatMap({ EndpointAddress($0) }) {
                configuration.observers.connectionChanged(.connected(winner), endpoint: endpoint)
            }
            return channel
        }
    }

    private func connect(
        to address: EndpointAddress,
        resolved: [IPAddress] = [],
        within timeout: Nanoseconds,
        on loop: any EventLoop
    ) -> EventLoopFuture<any Channel> {
        let bootstrap = ClientBootstrap(group: loop).connectTimeout(TimeAmount(timeout))
        guard let port = address.port else { return bootstrap.connect(unixDomainSocketPath: address.host) }
        if let address = try? SocketAddress(ipAddress: address.host, port: Int(port)) {
            return bootstrap.connect(to: address)
        }
        let resolver = resolved.isEmpty ? nil : KnownAddresses(addresses: resolved, loop: loop)
        return bootstrap.resolver(resolver).connect(host: address.host, port: Int(port))
    }
}

extension SocketAddress {
    /// - Throws: What is no IP address.
    fileprivate init(_ address: EndpointAddress) throws {
        try self.init(ipAddress: address.host, port: Int(address.port ?? 0))
    }
}

extension EndpointAddress {
    /// `nil` for what is no address of TCP.
    fileprivate init?(_ address: SocketAddress) {
        guard let host = address.ipAddress, let port = address.port.flatMap({ UInt16(exactly: $0) }) else { return nil }
        self.init(host: host, port: port)
    }
}

extension Endpoint {
    /// Whether the mesh only passes requests on to it.
    fileprivate var isOutsideMesh: Bool {
        if case .mutualTLS = security { false } else { cluster.isEmpty }
    }

    /// What to expect of a connection: without TLS there is nobody to negotiate with.
    var spokenVersion: ConnectionOptions.HTTPVersion {
        connection.httpVersion == .automatic && security == .plaintext ? .http1 : connection.httpVersion
    }
}
