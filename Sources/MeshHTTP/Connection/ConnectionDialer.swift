// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// Makes channels to endpoints.
struct ConnectionDialer: Sendable {
    let configuration: HTTPTransport.Configuration
    let publicTLS: PublicTLS

    /// Connects, and tells the pool how it went. Called from any thread.
    func dial(_ endpoint: Endpoint, on loop: any EventLoop, for pool: any ConnectionOwner, as id: Int) {
        let dialedAt = configuration.clock.now
        tls(for: endpoint, on: loop).flatMap { tls in
            connect(to: endpoint, tls: tls, on: loop)
        }.whenComplete { result in
            switch result {
            case .success(let channel):
                do {
                    let driver = try channel.pipeline.syncOperations.handler(type: HTTP1ConnectionDriver.self)
                    driver.activate(for: pool, as: id, dialedAt: dialedAt)
                } catch {
                    pool.connectFailed(id, cause: error)
                }
            case .failure(let error):
                pool.connectFailed(id, cause: error)
            }
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

    private func connect(
        to endpoint: Endpoint,
        tls: ClientTLS?,
        on loop: any EventLoop
    ) -> EventLoopFuture<any Channel> {
        let configuration = configuration
        let bootstrap = ClientBootstrap(group: loop)
            .connectTimeout(TimeAmount(endpoint.connectTimeout))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let tls { try pipeline.addHandler(tls.makeHandler(endpoint)) }
                    try pipeline.addHTTP1(configuration, needsHandshake: tls != nil)
                }
            }
        guard let port = endpoint.address.port else {
            return bootstrap.connect(unixDomainSocketPath: endpoint.address.host)
        }
        if let address = try? SocketAddress(ipAddress: endpoint.address.host, port: Int(port)) {
            return bootstrap.connect(to: address)
        }
        return bootstrap.connect(host: endpoint.address.host, port: Int(port))
    }
}

extension ChannelPipeline.SynchronousOperations {
    /// Makes a channel a client's end of HTTP/1.1.
    func addHTTP1(_ configuration: HTTPTransport.Configuration, needsHandshake: Bool) throws {
        var encoding = HTTPRequestEncoder.Configuration()
        encoding.automaticallySetFramingHeaders = false
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderListSize = configuration.maximumHeaderBytes
        limits.maxHeaderFieldSize = min(limits.maxHeaderFieldSize, configuration.maximumHeaderBytes)
        // swift-http-types traps on more fields than 16 bits can count.
        limits.maxHeaderFieldCount = min(configuration.maximumHeaderFields, 65_000)
        let decoder = HTTPResponseDecoder(
            leftOverBytesStrategy: .dropBytes,
            informationalResponseStrategy: .drop,
            limitConfiguration: limits
        )
        try addHandler(HTTPRequestEncoder(configuration: encoding))
        try addHandler(ByteToMessageHandler(decoder))
        try addHandler(HTTP1ConnectionDriver(configuration: configuration, needsHandshake: needsHandshake))
    }
}
