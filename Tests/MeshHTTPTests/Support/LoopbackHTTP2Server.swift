// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import NIOCore
import NIOHTTP1
import NIOHTTP2
import NIOPosix
import NIOSSL
import Synchronization
import Testing

/// A server of HTTP/2 on the loopback interface, by swift-nio-http2 alone.
///
/// - `/echo` sends the request's body back as it comes, and its trailers behind it.
/// - `/bytes/N` sends N bytes.
/// - `/never` does not answer.
final class LoopbackHTTP2Server: Sendable {
    let endpoint: Endpoint
    private let listener: any Channel
    private let connections: ConnectionCounter

    private init(_ endpoint: Endpoint, _ listener: any Channel, _ connections: ConnectionCounter) {
        self.endpoint = endpoint
        self.listener = listener
        self.connections = connections
    }

    /// How many connections were accepted.
    var connectionCount: Int { connections.count }

    /// Tells every client that it takes no more requests, and closes each connection when its streams have ended.
    func sayGoodbye() {
        for channel in connections.channels {
            channel.writeAndFlush(
                HTTP2Frame(
                    streamID: .rootStream,
                    payload: .goAway(lastStreamID: .maxID, errorCode: .noError, opaqueData: nil)
                ),
                promise: nil
            )
        }
    }

    static func serving<Result>(
        tls: NIOSSLContext? = nil,
        maximumConcurrentStreams: Int = 100,
        while body: (LoopbackHTTP2Server) async throws -> Result
    ) async throws -> Result {
        let connections = ConnectionCounter()
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                connections.add(channel)
                return channel.eventLoop.makeCompletedFuture {
                    if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
                    var configuration = NIOHTTP2Handler.Configuration()
                    configuration.connection.initialSettings = [
                        HTTP2Setting(parameter: .maxConcurrentStreams, value: maximumConcurrentStreams)
                    ]
                    // Streams that are opened behind a goodbye count as errors of the client's, and too many of them silence
                    // the server for good.
                    configuration.connection.maximumConnectionGlitches = 1_000_000
                    configuration.stream.streamErrorRateLimit.maximumCount = 1_000_000
                    _ = try channel.pipeline.syncOperations.configureHTTP2Pipeline(
                        mode: .server,
                        connectionConfiguration: configuration.connection,
                        streamConfiguration: configuration.stream
                    ) { stream in
                        stream.eventLoop.makeCompletedFuture {
                            try stream.pipeline.syncOperations.addHandler(HTTP2FramePayloadToHTTP1ServerCodec())
                            try stream.pipeline.syncOperations.addHandler(Answering())
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
        let endpoint = Endpoint(
            address: EndpointAddress(host: "127.0.0.1", port: port),
            connection: ConnectionOptions(httpVersion: .http2)
        )
        return try await body(LoopbackHTTP2Server(endpoint, listener, connections))
    }
}

final class ConnectionCounter: Sendable {
    private let accepted = Mutex<[any Channel]>([])

    var count: Int { accepted.withLock { $0.count } }
    var channels: [any Channel] { accepted.withLock { $0 } }

    func add(_ channel: any Channel) {
        accepted.withLock { $0.append(channel) }
    }
}

private final class Answering: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private var path = ""

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            path = head.uri
            guard path != "/never" else { return }
            write(.head(HTTPResponseHead(version: .http2, status: .ok)), context)
        case .body(let bytes):
            if path == "/echo" { write(.body(.byteBuffer(bytes)), context) }
        case .end(let trailers):
            guard path != "/never" else { return }
            if path.hasPrefix("/bytes/"), let count = Int(path.dropFirst(7)) {
                write(.body(.byteBuffer(ByteBuffer(repeating: 120, count: count))), context)
            }
            write(.end(path == "/echo" ? trailers : nil), context)
        }
    }

    private func write(_ part: HTTPServerResponsePart, _ context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(part), promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
