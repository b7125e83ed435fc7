// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import NIOCore
import NIOHPACK
import NIOHTTP2
import NIOPosix
import Synchronization
import Testing

/// A server of HTTP/2 on the loopback interface whose answers to calls are frames as a test wants them.
final class ScriptedRPCServer: Sendable {
    /// A call that came.
    struct Call: Sendable {
        /// Which one it is at this server, counted from 1.
        var number: Int
        var headers: HPACKHeaders
        /// The bytes of its body.
        var bodyBytes: Int

        /// A field's first value.
        subscript(name: String) -> String? { headers.first(name: name) }

        /// How often a field occurs.
        func count(of name: String) -> Int { headers[name].count }
    }

    /// What a call gets when its request has ended.
    enum Answer: Sendable {
        /// A status in the head, and nothing else.
        case trailersOnly(Int, fields: [(String, String)] = [])
        /// A head, one message and a status behind it.
        case message([UInt8], status: Int, trailers: [(String, String)] = [])
        /// What somebody answers who speaks no gRPC.
        case http(Int, fields: [(String, String)] = [])
        case reset(HTTP2ErrorCode)
        /// Nothing, ever.
        case silence
    }

    private let script: @Sendable (Call) -> Answer
    private let received = Mutex<[Call]>([])
    private let channels = Mutex<[any Channel]>([])

    private init(_ script: @escaping @Sendable (Call) -> Answer) {
        self.script = script
    }

    /// The calls that came, in order.
    var calls: [Call] { received.withLock { $0 } }

    fileprivate func answer(_ headers: HPACKHeaders, _ bodyBytes: Int) -> Answer {
        let call = received.withLock { received in
            let call = Call(number: received.count + 1, headers: headers, bodyBytes: bodyBytes)
            received.append(call)
            return call
        }
        return script(call)
    }

    /// Runs a server beside a body.
    static func serving<Result>(
        _ script: @escaping @Sendable (Call) -> Answer,
        while body: (ScriptedRPCServer, EndpointAddress) async throws -> Result
    ) async throws -> Result {
        let server = ScriptedRPCServer(script)
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                server.channels.withLock { $0.append(channel) }
                return channel.eventLoop.makeCompletedFuture {
                    let configuration = NIOHTTP2Handler.Configuration()
                    _ = try channel.pipeline.syncOperations.configureHTTP2Pipeline(
                        mode: .server,
                        connectionConfiguration: configuration.connection,
                        streamConfiguration: configuration.stream
                    ) { stream in
                        stream.eventLoop.makeCompletedFuture {
                            try stream.pipeline.syncOperations.addHandler(ScriptedAnswering(server))
                        }
                    }
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        defer {
            listener.close(promise: nil)
            for channel in server.channels.withLock({ $0 }) { channel.close(promise: nil) }
        }
        let port = try #require(listener.localAddress?.port.flatMap { UInt16(exactly: $0) })
        return try await body(server, EndpointAddress(host: "127.0.0.1", port: port))
    }

    /// An address at which nobody listens.
    static func closedPort() async throws -> EndpointAddress {
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(listener.localAddress?.port.flatMap { UInt16(exactly: $0) })
        try await listener.close().get()
        return EndpointAddress(host: "127.0.0.1", port: port)
    }
}

extension ScriptedRPCServer.Answer {
    /// What a healthy server sends.
    static let ok = Self.message([42], status: 0)
}

private final class ScriptedAnswering: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias OutboundOut = HTTP2Frame.FramePayload

    private let server: ScriptedRPCServer
    private var headers: HPACKHeaders?
    private var bodyBytes = 0

    init(_ server: ScriptedRPCServer) {
        self.server = server
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .headers(let block):
            if headers == nil { headers = block.headers }
            if block.endStream { answer(context) }
        case .data(let data):
            if case .byteBuffer(let bytes) = data.data { bodyBytes += bytes.readableBytes }
            if data.endStream { answer(context) }
        default: break
        }
    }

    private func answer(_ context: ChannelHandlerContext) {
        switch server.answer(headers ?? [:], bodyBytes) {
        case .trailersOnly(let status, let fields):
            head(context, 200, [("content-type", "application/grpc"), ("grpc-status", "\(status)")] + fields, true)
        case .message(let message, let status, let trailers):
            head(context, 200, [("content-type", "application/grpc")], false)
            let count = UInt32(message.count)
            var bytes = ByteBuffer()
            bytes.writeInteger(UInt8(0))
            bytes.writeInteger(count)
            bytes.writeBytes(message)
            write(context, .data(.init(data: .byteBuffer(bytes))))
            let fields = HPACKHeaders([("grpc-status", "\(status)")] + trailers)
            write(context, .headers(.init(headers: fields, endStream: true)))
        case .http(let status, let fields): head(context, status, fields, true)
        case .reset(let code): write(context, .rstStream(code))
        case .silence: break
        }
    }

    private func head(_ context: ChannelHandlerContext, _ status: Int, _ fields: [(String, String)], _ isEnd: Bool) {
        let headers = HPACKHeaders([(":status", "\(status)")] + fields)
        write(context, .headers(.init(headers: headers, endStream: isEnd)))
    }

    private func write(_ context: ChannelHandlerContext, _ payload: HTTP2Frame.FramePayload) {
        context.writeAndFlush(wrapOutboundOut(payload), promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
