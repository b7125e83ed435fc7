// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import NIOCore
import NIOHTTP1
import NIOHTTP2
import NIOPosix

/// HTTP/1.1 and HTTP/2 by prior knowledge on one thread, as little as SwiftNIO does for an answer.
struct BenchmarkServer {
    /// Where it listens, on 127.0.0.1.
    struct Ports: Codable {
        var http1: UInt16
        var http2: UInt16
    }

    let ports: Ports
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)

    init() throws {
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
            http2: UInt16(http2.localAddress?.port ?? 0)
        )
    }

    func stop() throws {
        try group.syncShutdownGracefully()
    }
}
