// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import NIOCore

/// Stands between the wire and swift-nio-http2, and knows of its frames what nobody behind is told.
///
/// - It ends a connection whose caller sends more frames than `HTTP2FrameBudget` grants: swift-nio-http2 does not count
///   WINDOW_UPDATE, and keeps those of a stream that is not read.
/// - It cuts what was read where a frame ends. swift-nio-http2 forgets the bytes of frames that it has looked at only
///   where its buffer ends with a frame; otherwise the buffer grows, up to some 64 MiB for one connection.
/// - It sees whether swift-nio-http2 has given the connection up: the errors alone do not say so, as some of them are a
///   stream's when something is sent and the connection's when something is received.
final class HTTP2Watch: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = IOData
    typealias OutboundOut = IOData

    /// The caller floods the connection.
    struct Flood: Error {}

    /// The length of the preface before a client's first frame (RFC 9113 §3.4).
    private static let prefaceLength = 24
    private static let goAway: UInt8 = 7

    private var budget: HTTP2FrameBudget
    private var received = HTTP2FrameScanner(skipping: prefaceLength)
    private var sent = HTTP2FrameScanner()
    /// Whether a GOAWAY with an error was sent, behind which nothing of use comes any more.
    private(set) var hasGivenUp = false

    init(_ limits: MeshHTTPServer.Configuration.HTTP2Limits) {
        self.budget = HTTP2FrameBudget(
            windowUpdatesPerDataFrame: limits.maximumWindowUpdatesPerDataFrame,
            prioritiesPerStream: limits.maximumPrioritiesPerStream
        )
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // What came with a flood is not looked at any more, nor is anything behind it.
        guard budget.isKept else { return }
        let bytes = unwrapInboundIn(data)
        let boundary = received.scan(bytes) { head, _ in budget.received(head) }
        guard budget.isKept else { return context.fireErrorCaught(Flood()) }
        guard let boundary, boundary < bytes.writerIndex,
            let whole = bytes.getSlice(at: bytes.readerIndex, length: boundary - bytes.readerIndex),
            let begun = bytes.getSlice(at: boundary, length: bytes.writerIndex - boundary)
        else { return context.fireChannelRead(data) }
        context.fireChannelRead(wrapInboundOut(whole))
        context.fireChannelRead(wrapInboundOut(begun))
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .byteBuffer(let bytes) = unwrapOutboundIn(data) {
            sent.scan(bytes) { head, payload in
                budget.sent(head)
                // The last stream, then the error (RFC 9113 §6.8); 0 is none.
                guard head.type == Self.goAway else { return }
                if let code = bytes.getInteger(at: payload + 4, as: UInt32.self), code != 0 { hasGivenUp = true }
            }
        }
        context.write(data, promise: promise)
    }
}
