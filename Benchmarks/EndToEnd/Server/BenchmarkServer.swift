// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshIdentity
import NIOCore
import NIOHTTP1
import NIOHTTP2
import NIOPosix
import NIOSSL

/// HTTP/1.1, the same by mutual TLS, and HTTP/2 by prior knowledge on one thread, as little as SwiftNIO does for an
/// answer.
struct BenchmarkServer {
    /// Where it listens, on 127.0.0.1.
    struct Ports: Codable {
        var http1: UInt16
        var http2: UInt16
        /// HTTP/1.1 by mutual TLS; `nil` without an authority.
        var mutualTLS: UInt16?
    }

    let ports: Ports
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)

    init(authority: BenchmarkAuthority?) throws {
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1024)
            .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
        let http1 = try bootstrap.childChannelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.configureHTTPServerPipeline(withErrorHandling: false)
                try channel.pipeline.syncOperations.addHandler(HTTP1Responder())
            }
        }.bind(host: "127.0.0.1", port: 0).wait()
        let http2 = try bootstrap.childChannelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                _ = try channel.pipeline.syncOperations.configureHTTP2Pipeline(
                    mode: .server,
                    connectionConfiguration: .init(),
                    streamConfiguration: .init()
                ) { stream in
                    stream.eventLoop.makeCompletedFuture {
                        try stream.pipeline.syncOperations.addHandler(HTTP2Responder())
                    }
                }
            }
        }.bind(host: "127.0.0.1", port: 0).wait()
        ports = Ports(
            http1: UInt16(http1.localAddress?.port ?? 0),
            http2: UInt16(http2.localAddress?.port ?? 0),
            mutualTLS: try authority.map { try Self.listen(bootstrap, identifiedBy: $0) }
        )
    }

    /// Asks every client for a certificate, as the mesh's own servers do.
    private static func listen(
        _ bootstrap: ServerBootstrap,
        identifiedBy authority: BenchmarkAuthority
    ) throws -> UInt16 {
        // The future owns the task, and this thread waits for it.
        let identity = MultiThreadedEventLoopGroup.singleton.any().makeFutureWithTask {
            try await authority.identity(BenchmarkAuthority.server)
        }
        let tls = try identity.wait().makeServerTLSConfiguration()
        let context = try NIOSSLContext(configuration: tls.configuration)
        let channel = try bootstrap.childChannelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                let pipeline = channel.pipeline.syncOperations
                try pipeline.addHandler(NIOSSLServerHandler(context: context, customVerificationCallback: tls.verify))
                try pipeline.configureHTTPServerPipeline(withErrorHandling: false)
                try pipeline.addHandler(HTTP1Responder())
            }
        }.bind(host: "127.0.0.1", port: 0).wait()
        return UInt16(channel.localAddress?.port ?? 0)
    }

    func stop() throws {
        try group.syncShutdownGracefully()
    }
}
