// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import NIOCore
import NIOEmbedded
import NIOHTTP1
import ServiceMesh
import Testing

@testable import MeshHTTP

@Suite(.timeLimit(.minutes(5))) struct InboundExchangeDriverTests {
    /// A wire that breaks as a body is written: the connection is gone before the write returns, as it is on a socket
    /// whose peer has reset it.
    private final class BreakingWire: ChannelOutboundHandler {
        typealias OutboundIn = HTTPServerResponsePart

        private let channel: NIOAsyncTestingChannel

        init(_ channel: NIOAsyncTestingChannel) {
            self.channel = channel
        }

        func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
            guard case .body = unwrapOutboundIn(data) else { return context.write(data, promise: promise) }
            channel.isWritable = false
            context.fireChannelInactive()
            promise?.fail(ChannelError.ioOnClosedChannel)
        }
    }

    @Test func `a write that breaks the connection ends, and its handler with it`() async throws {
        let drain = ServerDrain()
        let failures = Recorder<MeshError.Code?>()
        let failed = Signal()
        let serving = InboundServing(configuration: .init(), drain: drain, stack: nil, peerIdentity: { _ in nil }) {
            _ in
            InboundResponse(
                body: .written { writer in
                    do {
                        try await writer.write(ByteBuffer(string: "piece"))
                    } catch {
                        failures.append((error as? MeshError)?.code)
                        failed.set()
                        throw error
                    }
                    return nil
                }
            )
        }
        let channel = NIOAsyncTestingChannel()
        try await channel.testingEventLoop.executeInContext {
            let patience = ConnectionPatience(headerTimeout: .seconds(10), idleTimeout: .seconds(10))
            let loop = channel.testingEventLoop
            let driver = InboundExchangeDriver(serving, patience: .own(patience), isSecure: false, eventLoop: loop)
            try channel.pipeline.syncOperations.addHandlers(BreakingWire(channel), driver)
        }
        let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: "/", headers: ["host": "reviews"])
        try await channel.writeInbound(HTTPServerRequestPart.head(head))
        try await channel.writeInbound(HTTPServerRequestPart.end(nil))
        await failed.wait()
        try await drain.untilIdle()
        #expect(failures.all == [.cancelled])
        _ = try? await channel.finish()
    }
}
