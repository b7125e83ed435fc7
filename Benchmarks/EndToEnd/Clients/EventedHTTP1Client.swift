// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import NIOCore
import NIOHTTP1
import NIOPosix

/// SwiftNIO without Swift's tasks: the end of an answer sends the next request, in the same call.
final class EventedHTTP1Client: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private let plan: LoadPlan
    private let finished: EventLoopPromise<LatencyLog>
    private var log: LatencyLog
    private var count = 0

    static func run(_ plan: LoadPlan) async throws -> LoadReport {
        let loop = MultiThreadedEventLoopGroup(numberOfThreads: 1).next()
        let window = MeasuredWindow(plan)
        async let timer: Void = window.run()
        let promises = (0..<plan.concurrency).map { _ in loop.makePromise(of: LatencyLog.self) }
        for promise in promises {
            ClientBootstrap(group: loop)
                .channelOption(.socketOption(.tcp_nodelay), value: 1)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHTTPClientHandlers()
                        try channel.pipeline.syncOperations.addHandler(EventedHTTP1Client(plan, window, promise))
                    }
                }
                .connect(host: "127.0.0.1", port: Int(plan.port))
                .cascadeFailure(to: promise)
        }
        let logs = try await EventLoopFuture.whenAllSucceed(promises.map(\.futureResult), on: loop).get()
        try await timer
        return try window.report(logs)
    }

    private init(_ plan: LoadPlan, _ window: MeasuredWindow, _ finished: EventLoopPromise<LatencyLog>) {
        self.plan = plan
        self.finished = finished
        self.log = LatencyLog(window)
    }

    func channelActive(context: ChannelHandlerContext) {
        send(context)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head: break
        case .body(let bytes): count += bytes.readableBytes
        case .end:
            guard count == plan.size.byteCount else {
                finished.fail(LoadError("an answer had \(count) bytes in place of \(plan.size.byteCount)"))
                return
            }
            if log.requestEnded() { send(context) } else { finished.succeed(log) }
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        finished.fail(ChannelError.eof)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        finished.fail(error)
    }

    private func send(_ context: ChannelHandlerContext) {
        count = 0
        context.write(wrapOutboundOut(.head(RequestFields.head(plan))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }
}
