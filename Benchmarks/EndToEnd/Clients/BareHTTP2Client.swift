// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshHTTP
import NIOCore
import NIOHPACK
import NIOHTTP2
import NIOPosix

/// swift-nio-http2 as it is meant to be used: one connection, a channel for each stream, the tasks on its loop.
struct BareHTTP2Client: LoadClient, LoadWorker {
    private let plan: LoadPlan
    private let multiplexer: NIOHTTP2Handler.StreamMultiplexer

    static func run(_ plan: LoadPlan) async throws -> LoadReport {
        let loop = MultiThreadedEventLoopGroup(numberOfThreads: 1).next()
        let multiplexer = try await ClientBootstrap(group: loop)
            .channelOption(.socketOption(.tcp_nodelay), value: 1)
            .connect(host: "127.0.0.1", port: Int(plan.port))
            .flatMap { channel in
                channel.configureHTTP2Pipeline(
                    mode: .client,
                    connectionConfiguration: .init(),
                    streamConfiguration: .init()
                ) { $0.eventLoop.makeSucceededVoidFuture() }
            }
            .get()
        let client = Self(plan: plan, multiplexer: multiplexer)
        return try await ClosedLoop(plan: plan).run(client, on: EventLoopTaskExecutor(loop))
    }

    func exchange() async throws -> Int {
        let head: HPACKHeaders = [
            ":method": "GET", ":scheme": "http", ":authority": plan.authority, ":path": plan.path,
            "user-agent": RequestFields.userAgent, "accept": RequestFields.accept,
            "traceparent": RequestFields.traceparent, "x-envoy-expected-rq-timeout-ms": RequestFields.timeout,
        ]
        return try await withUnsafeThrowingContinuation { continuation in
            multiplexer.createStreamChannel(promise: nil) { stream in
                stream.eventLoop.makeCompletedFuture {
                    try stream.pipeline.syncOperations.addHandler(BareHTTP2Stream(head, continuation))
                }
            }
        }
    }
}

/// One exchange: a request without a body, and its answer.
private final class BareHTTP2Stream: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias OutboundOut = HTTP2Frame.FramePayload

    private let head: HPACKHeaders
    private var continuation: UnsafeContinuation<Int, any Error>?
    private var count = 0

    init(_ head: HPACKHeaders, _ continuation: UnsafeContinuation<Int, any Error>) {
        self.head = head
        self.continuation = continuation
    }

    func channelActive(context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(.headers(.init(headers: head, endStream: true))), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .headers(let frame) where frame.endStream: end(.success(count))
        case .data(let frame):
            count += frame.data.readableBytes
            if frame.endStream { end(.success(count)) }
        default: break
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        end(.failure(ChannelError.eof))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        end(.failure(error))
    }

    private func end(_ result: Result<Int, any Error>) {
        continuation?.resume(with: result)
        continuation = nil
    }
}
