// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import NIOCore
import NIOHTTP1
import NIOHTTP2
import NIOPosix
import Synchronization
import Testing

/// A server of `grpc.health.v1.Health` on the loopback interface, by swift-nio-http2 alone.
final class LoopbackHealthServer: Sendable {
    /// What it answers.
    enum Answer {
        case state(UInt8)
        case unimplemented
        case bytes([UInt8])
        case goodbye
    }

    private let answer = Mutex(Answer.state(1))
    private let requests = Mutex<[[UInt8]]>([])

    /// The bodies of the requests that came.
    var bodies: [[UInt8]] { requests.withLock { $0 } }

    func say(_ answer: Answer) {
        self.answer.withLock { $0 = answer }
    }

    fileprivate func heard(_ body: [UInt8]) -> Answer {
        requests.withLock { $0.append(body) }
        return answer.withLock { $0 }
    }

    static func serving<Result>(
        while body: (LoopbackHealthServer, Endpoint) async throws -> Result
    ) async throws -> Result {
        let server = LoopbackHealthServer()
        let connections = ConnectionCounter()
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                connections.add(channel)
                return channel.eventLoop.makeCompletedFuture {
                    let configuration = NIOHTTP2Handler.Configuration()
                    _ = try channel.pipeline.syncOperations.configureHTTP2Pipeline(
                        mode: .server,
                        connectionConfiguration: configuration.connection,
                        streamConfiguration: configuration.stream
                    ) { stream in
                        stream.eventLoop.makeCompletedFuture {
                            try stream.pipeline.syncOperations.addHandler(HTTP2FramePayloadToHTTP1ServerCodec())
                            try stream.pipeline.syncOperations.addHandler(HealthAnswering(server))
                        }
                    }
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        defer {
            listener.close(promise: nil)
            for channel in connections.channels { channel.close(promise: nil) }
        }
        let port = try #require(listener.localAddress?.port.flatMap { UInt16(exactly: $0) })
        return try await body(server, Endpoint(address: EndpointAddress(host: "127.0.0.1", port: port)))
    }
}

private final class HealthAnswering: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let server: LoopbackHealthServer
    private var received: [UInt8] = []

    init(_ server: LoopbackHealthServer) {
        self.server = server
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head: break
        case .body(let bytes): received += bytes.readableBytesView
        case .end: answer(context)
        }
    }

    private func answer(_ context: ChannelHandlerContext) {
        var body: [UInt8] = []
        var status = "0"
        switch server.heard(received) {
        case .state(let state): body = [0, 0, 0, 0, 2, 8, state]
        case .bytes(let bytes): body = bytes
        case .unimplemented: status = "12"
        case .goodbye: return context.close(promise: nil)
        }
        let head = HTTPResponseHead(version: .http2, status: .ok, headers: ["content-type": "application/grpc"])
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if !body.isEmpty { context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: body)))), promise: nil) }
        context.writeAndFlush(wrapOutboundOut(.end(["grpc-status": status])), promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
