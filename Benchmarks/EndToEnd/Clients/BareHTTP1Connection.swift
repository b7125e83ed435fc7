// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import NIOCore
import NIOHTTP1
import NIOPosix

/// One connection of a bare SwiftNIO client, which carries one request at a time.
final class BareHTTP1Connection: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart
    typealias Continuation = UnsafeContinuation<Int, any Error>

    private var context: ChannelHandlerContext?
    private var continuation: Continuation?
    private var count = 0

    /// Dials the plan's server.
    /// - Returns: The connection, which belongs to the loop.
    static func connect(_ plan: LoadPlan, on loop: any EventLoop) async throws -> NIOLoopBound<BareHTTP1Connection> {
        try await ClientBootstrap(group: loop)
            .channelOption(.socketOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHTTPClientHandlers()
                    try channel.pipeline.syncOperations.addHandler(BareHTTP1Connection())
                }
            }
            .connect(host: "127.0.0.1", port: Int(plan.port))
            .flatMapThrowing { channel in
                let connection = try channel.pipeline.syncOperations.handler(type: BareHTTP1Connection.self)
                return NIOLoopBound(connection, eventLoop: loop)
            }
            .get()
    }

    /// Sends a request; on the loop only.
    /// - Parameter continuation: Resumed with the length of the body, at its end.
    func send(_ head: HTTPRequestHead, _ continuation: Continuation) {
        guard let context else {
            continuation.resume(throwing: ChannelError.ioOnClosedChannel)
            return
        }
        self.continuation = continuation
        count = 0
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        fail(ChannelError.eof)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head: break
        case .body(let bytes): count += bytes.readableBytes
        case .end:
            continuation?.resume(returning: count)
            continuation = nil
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        fail(error)
        context.close(promise: nil)
    }

    private func fail(_ error: any Error) {
        continuation?.resume(throwing: error)
        continuation = nil
    }
}
