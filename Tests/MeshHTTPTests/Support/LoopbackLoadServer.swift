// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshCore
import NIOCore
import NIOHTTP1
import NIOHTTP2
import NIOPosix
import Synchronization
import Testing

/// A server of `xds.service.orca.v3.OpenRcaService` on the loopback interface, by swift-nio-http2 alone. Every other
/// request gets an empty answer.
final class LoopbackLoadServer: Sendable {
    /// What a call gets.
    struct Answer: Sendable {
        /// Frames, as they are written.
        var frames: [[UInt8]] = []
        /// The status that ends the call; `nil` if it stays open.
        var status: String?
    }

    private struct State {
        var answers: [Answer]
        var requests: [[UInt8]] = []
        var others = 0
        var open = 0
    }

    private let state: Mutex<State>

    init(_ answers: [Answer]) {
        state = Mutex(State(answers: answers))
    }

    /// The bodies of the calls that came.
    var calls: [[UInt8]] { state.withLock { $0.requests } }
    /// How many other requests came.
    var others: Int { state.withLock { $0.others } }
    /// How many calls are open.
    var open: Int { state.withLock { $0.open } }

    /// A frame with a report.
    static func frame(cpu: Double, requests: Double) -> [UInt8] {
        func bytes(_ value: Double) -> [UInt8] {
            (0..<8).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) }
        }
        // Fields 1 and 6, each of 64 bits.
        return [0, 0, 0, 0, 18, 0x09] + bytes(cpu) + [0x31] + bytes(requests)
    }

    /// A call came; the last answer is for all that follow, too.
    fileprivate func called(_ body: [UInt8]) -> Answer {
        state.withLock { state in
            state.requests.append(body)
            return state.answers.count > 1 ? state.answers.removeFirst() : state.answers.first ?? Answer()
        }
    }

    fileprivate func otherCame() {
        state.withLock { $0.others += 1 }
    }

    fileprivate func opened(_ count: Int) {
        state.withLock { $0.open += count }
    }

    static func serving<Result>(
        _ answers: [Answer],
        while body: (LoopbackLoadServer, Endpoint) async throws -> Result
    ) async throws -> Result {
        let server = LoopbackLoadServer(answers)
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
                            try stream.pipeline.syncOperations.addHandler(LoadAnswering(server))
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

private final class LoadAnswering: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let server: LoopbackLoadServer
    private var path = ""
    private var received: [UInt8] = []
    private var isOpen = false

    init(_ server: LoopbackLoadServer) {
        self.server = server
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): path = head.uri
        case .body(let bytes): received += bytes.readableBytesView
        case .end: answer(context)
        }
    }

    private func answer(_ context: ChannelHandlerContext) {
        var head = HTTPResponseHead(version: .http2, status: .ok)
        guard path == LoadReportCall.path else {
            server.otherCame()
            context.write(wrapOutboundOut(.head(head)), promise: nil)
            return context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        }
        let answer = server.called(received)
        isOpen = true
        server.opened(1)
        head.headers.add(name: "content-type", value: "application/grpc")
        context.writeAndFlush(wrapOutboundOut(.head(head)), promise: nil)
        for frame in answer.frames {
            context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: frame)))), promise: nil)
        }
        guard let status = answer.status else { return }
        context.writeAndFlush(wrapOutboundOut(.end(["grpc-status": status])), promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        if isOpen { server.opened(-1) }
        isOpen = false
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
