// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import NIOCore
import NIOHTTP1

/// Turns a request's parts into bytes, and nearly every request into one write.
///
/// NIO's encoder wants a head of its own, whose fields would have to be made of the request's first. NIO's parser of
/// responses stands behind this handler and has to see which requests go out, because an answer to HEAD has no body: so
/// heads pass it, as one of two that never change, and what is sent in their place is the request that was announced
/// here.
final class HTTP1RequestEncoder: ChannelOutboundHandler {
    typealias OutboundIn = HTTPClientRequestPart
    typealias OutboundOut = IOData

    private static let head = HTTPRequestHead(version: .http1_1, method: .HEAD, uri: "/")
    private static let other = HTTPRequestHead(version: .http1_1, method: .GET, uri: "/")
    /// Bodies up to here are copied behind the head, which is cheaper than a write of their own.
    private static let smallBody = 4096
    /// A buffer that has grown beyond this is let go with its request.
    private static let keptCapacity = 16_384

    private var request: WireRequest?
    /// The memory of the last head, used again when the channel has written it.
    private var buffer = ByteBuffer()

    /// What stands for a request on its way past the parser. The next head that is written is this request's.
    func announce(_ request: WireRequest) -> HTTPRequestHead {
        self.request = request
        return request.method == .head ? Self.head : Self.other
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head: writeHead(context, promise)
        case .body(let bytes): writeBody(bytes, context, promise)
        case .end: writeEnd(context, promise)
        }
    }

    private func writeHead(_ context: ChannelHandlerContext, _ promise: EventLoopPromise<Void>?) {
        guard let request else {
            promise?.succeed()
            return
        }
        if buffer.capacity > Self.keptCapacity { buffer = ByteBuffer() } else { buffer.clear() }
        request.writeHTTP1Head(to: &buffer)
        guard !request.isStreamed, !request.expectsContinue else { return send(buffer, context, promise) }
        let body = request.body ?? ByteBuffer()
        if body.readableBytes <= Self.smallBody {
            appendBody(body, of: request)
            self.request = nil
            send(buffer, context, promise)
        } else {
            send(buffer, context, nil)
            writeBody(.byteBuffer(body), context, nil)
            writeEnd(context, promise)
        }
    }

    private func appendBody(_ body: ByteBuffer, of request: WireRequest) {
        guard request.framing == .chunked else {
            buffer.writeImmutableBuffer(body)
            return
        }
        if body.readableBytes > 0 {
            buffer.writeHTTP1ChunkHead(length: body.readableBytes)
            buffer.writeImmutableBuffer(body)
            buffer.writeStaticString("\r\n")
        }
        buffer.writeHTTP1ChunkedEnd(trailers: request.trailers)
    }

    private func writeBody(_ bytes: IOData, _ context: ChannelHandlerContext, _ promise: EventLoopPromise<Void>?) {
        guard let request else {
            promise?.succeed()
            return
        }
        guard request.framing == .chunked, bytes.readableBytes > 0 else {
            return context.write(wrapOutboundOut(bytes), promise: promise)
        }
        var line = context.channel.allocator.buffer(capacity: 24)
        line.writeHTTP1ChunkHead(length: bytes.readableBytes)
        context.write(wrapOutboundOut(.byteBuffer(line)), promise: nil)
        context.write(wrapOutboundOut(bytes), promise: nil)
        line.clear()
        line.writeStaticString("\r\n")
        context.write(wrapOutboundOut(.byteBuffer(line)), promise: promise)
    }

    private func writeEnd(_ context: ChannelHandlerContext, _ promise: EventLoopPromise<Void>?) {
        guard let request, request.framing == .chunked else {
            self.request = nil
            promise?.succeed()
            return
        }
        self.request = nil
        var end = context.channel.allocator.buffer(capacity: 64)
        end.writeHTTP1ChunkedEnd(trailers: request.trailers)
        context.write(wrapOutboundOut(.byteBuffer(end)), promise: promise)
    }

    private func send(_ bytes: ByteBuffer, _ context: ChannelHandlerContext, _ promise: EventLoopPromise<Void>?) {
        context.write(wrapOutboundOut(.byteBuffer(bytes)), promise: promise)
    }
}
