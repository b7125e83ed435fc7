// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import NIOCore
import NIOHPACK
import NIOHTTP2
import NIOPosix
import Synchronization
import Testing

/// Where a server breaks an exchange off.
enum BreakingPoint: String, CaseIterable, Sendable {
    case nowhere
    case onAccept
    case inRequest
    case afterRequest
    case inHead
    case afterHead
    case inBody
    case beforeTrailers
    case inTrailers
    // HTTP/2 only: the stream ends, not the connection.
    case refuses
    case resetsAfterRequest
    case resetsInBody
    // HTTP/2 only: the connection says goodbye.
    case goodbyeWithoutRequest
    case goodbyeWithRequest

    static let http1: [BreakingPoint] = [
        .nowhere, .onAccept, .inRequest, .afterRequest, .inHead, .afterHead, .inBody, .beforeTrailers, .inTrailers,
    ]
    static let http2: [BreakingPoint] = allCases.filter { $0 != .inHead && $0 != .inTrailers }

    /// Whether the client has the response's head when it breaks.
    var isAnswered: Bool {
        switch self {
        case .afterHead, .inBody, .beforeTrailers, .inTrailers, .resetsInBody: true
        default: false
        }
    }
}

/// A server of HTTP/1.1 or HTTP/2 that breaks every exchange at one point, and notes the requests that it has read to
/// their end: those it would have acted on.
enum BreakingServer {
    /// Serves while `body` runs.
    static func serving<Result: Sendable>(
        _ version: ConnectionOptions.HTTPVersion,
        breaking point: BreakingPoint,
        noting executed: Recorder<String>,
        while body: (EndpointAddress) async throws -> Result
    ) async throws -> Result {
        guard version == .http2 else {
            return try await LoopbackServer.serving { connection, _ in
                try await serveHTTP1(connection, breaking: point, noting: executed)
            } while: { endpoint in
                try await body(endpoint.address)
            }
        }
        let connections = ConnectionCounter()
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                connections.add(channel)
                return channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(NIOHTTP2Handler(mode: .server))
                    try pipeline.addHandler(BreakingHTTP2(point, executed))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        defer {
            listener.close(promise: nil)
            for channel in connections.channels { channel.close(promise: nil) }
        }
        let port = try #require(listener.localAddress?.port.flatMap { UInt16(exactly: $0) })
        return try await body(EndpointAddress(host: "127.0.0.1", port: port))
    }

    private static func serveHTTP1(
        _ connection: LoopbackServer.Connection,
        breaking point: BreakingPoint,
        noting executed: Recorder<String>
    ) async throws {
        guard point != .onAccept else { return }
        while let head = try await connection.readHead() {
            guard point != .inRequest else { return }
            if head.hasPrefix("POST") { _ = try await connection.read(4) }
            executed.append(String(head.firstLine.split(separator: " ")[1]))
            let start = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
            switch point {
            case .afterRequest: return
            case .inHead: return try await connection.write("HTTP/1.1 200 OK\r\ncontent-")
            case .afterHead: return try await connection.write(start)
            case .inBody: return try await connection.write(start + "5\r\nhel")
            case .beforeTrailers: return try await connection.write(start + "5\r\nhello\r\n")
            case .inTrailers: return try await connection.write(start + "5\r\nhello\r\n0\r\nx-end: ")
            default: try await connection.write(start + "5\r\nhello\r\n0\r\nx-end: 1\r\n\r\n")
            }
        }
    }
}

private final class BreakingHTTP2: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame
    typealias OutboundOut = HTTP2Frame

    private let point: BreakingPoint
    private let executed: Recorder<String>
    private var paths: [HTTP2StreamID: String] = [:]

    init(_ point: BreakingPoint, _ executed: Recorder<String>) {
        self.point = point
        self.executed = executed
    }

    func channelActive(context: ChannelHandlerContext) {
        if point == .onAccept { context.close(promise: nil) }
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        switch frame.payload {
        case .headers(let headers):
            paths[frame.streamID] = headers.headers.first(name: ":path") ?? ""
            requestBegan(context, frame.streamID)
            if headers.endStream { requestEnded(context, frame.streamID) }
        case .data(let data):
            if data.endStream { requestEnded(context, frame.streamID) }
        default: break
        }
    }

    private func requestBegan(_ context: ChannelHandlerContext, _ stream: HTTP2StreamID) {
        switch point {
        case .inRequest: context.close(promise: nil)
        case .refuses: write(context, stream, .rstStream(.refusedStream))
        case .goodbyeWithoutRequest:
            let goodbye = HTTP2Frame.FramePayload.goAway(
                lastStreamID: .rootStream,
                errorCode: .noError,
                opaqueData: nil
            )
            write(context, .rootStream, goodbye)
            context.close(promise: nil)
        default: break
        }
    }

    private func requestEnded(_ context: ChannelHandlerContext, _ stream: HTTP2StreamID) {
        guard context.channel.isActive, ![.refuses, .goodbyeWithoutRequest].contains(point) else { return }
        executed.append(paths[stream] ?? "")
        let head = HTTP2Frame.FramePayload.head("200")
        switch point {
        case .afterRequest: context.close(promise: nil)
        case .resetsAfterRequest: write(context, stream, .rstStream(.internalError))
        case .afterHead:
            write(context, stream, head)
            context.close(promise: nil)
        case .inBody, .beforeTrailers:
            write(context, stream, head)
            write(context, stream, .body("hello"))
            context.close(promise: nil)
        case .resetsInBody:
            write(context, stream, head)
            write(context, stream, .body("hel"))
            write(context, stream, .rstStream(.internalError))
        default:
            write(context, stream, head)
            write(context, stream, .body("hello"))
            write(context, stream, .trailers([("x-end", "1")]))
            guard point == .goodbyeWithRequest else { return }
            write(context, .rootStream, .goAway(lastStreamID: stream, errorCode: .noError, opaqueData: nil))
        }
    }

    private func write(_ context: ChannelHandlerContext, _ stream: HTTP2StreamID, _ payload: HTTP2Frame.FramePayload) {
        context.writeAndFlush(wrapOutboundOut(HTTP2Frame(streamID: stream, payload: payload)), promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
