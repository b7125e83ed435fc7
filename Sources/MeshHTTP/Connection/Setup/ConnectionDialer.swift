// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import NIOCore
import NIOPosix

/// Makes channels to endpoints.
struct ConnectionDialer: Sendable {
    let configuration: HTTPTransport.Configuration
    let publicTLS: PublicTLS

    /// Connects, and tells the pool how it went. Called from any thread.
    func dial(_ endpoint: Endpoint, on loop: any EventLoop, for pool: any ConnectionOwner, as id: Int) {
        let dialedAt = configuration.clock.now
        let proxy = endpoint.proxy ?? (endpoint.isOutsideMesh ? configuration.proxy : nil)
        tls(for: endpoint, on: loop).flatMap { tls in
            connect(to: proxy ?? endpoint.address, within: endpoint.connectTimeout, on: loop).flatMapThrowing {
                channel in
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

    private func tls(for endpoint: Endpoint, on loop: any EventLoop) -> EventLoopFuture<ClientTLS?> {
        switch endpoint.security {
        case .plaintext: loop.makeSucceededFuture(nil)
        case .mutualTLS:
            if let tls = configuration.mutualTLS {
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

    /// A name with addresses of both families is tried by both at once (RFC 8305, Happy Eyeballs).
    private func connect(
        to address: EndpointAddress,
        within timeout: Nanoseconds,
        on loop: any EventLoop
    ) -> EventLoopFuture<any Channel> {
        let bootstrap = ClientBootstrap(group: loop).connectTimeout(TimeAmount(timeout))
        guard let port = address.port else { return bootstrap.connect(unixDomainSocketPath: address.host) }
        if let address = try? SocketAddress(ipAddress: address.host, port: Int(port)) {
            return bootstrap.connect(to: address)
        }
        return bootstrap.connect(host: address.host, port: Int(port))
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
