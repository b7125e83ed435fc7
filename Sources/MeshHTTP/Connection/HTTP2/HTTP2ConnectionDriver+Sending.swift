// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import NIOCore
import NIOHTTP2

extension HTTP2ConnectionDriver {
    /// Writes what stands behind a request's head, or as much of it as there is.
    func writeBody(of stream: HTTP2Stream) {
        let request = stream.exchange.request
        guard !request.isStreamed else { return pump(stream) }
        if let body = request.body {
            write(
                .data(.init(data: .byteBuffer(body), endStream: request.trailers == nil)),
                on: HTTP2StreamID(stream.id)
            )
        }
        writeTrailers(of: stream, isEndDue: request.body == nil)
    }

    /// - Parameter isEndDue: Whether the end of the body was not written yet.
    private func writeTrailers(of stream: HTTP2Stream, isEndDue: Bool) {
        if let trailers = stream.exchange.request.http2Trailers {
            write(.headers(.init(headers: trailers, endStream: true)), on: HTTP2StreamID(stream.id))
        } else if isEndDue {
            write(.data(.init(data: .byteBuffer(ByteBuffer()), endStream: true)), on: HTTP2StreamID(stream.id))
        }
    }

    /// The peer wants the body, or has not said so for long enough.
    func continueRequest(_ stream: HTTP2Stream) {
        guard stream.continueBy != nil else { return }
        stream.continueBy = nil
        writeBody(of: stream)
        planFlush()
        if !stream.exchange.request.isStreamed { settle(stream, stream.machine.requestSent()) }
    }

    func pump(_ exchange: Exchange) {
        stream(of: exchange).map { pump($0) }
    }

    /// Writes what a streamed body has ready: one chunk at a time, the next when the socket has taken it, which the
    /// peer's window and the connection's pace decide.
    private func pump(_ stream: HTTP2Stream) {
        guard !stream.isWriting, stream.continueBy == nil, let context else { return }
        switch stream.exchange.nextUpload() {
        case .nothing: break
        case .chunk(let chunk): write(chunk, isLast: false, on: stream, context)
        case .lastChunk(let chunk):
            write(chunk, isLast: true, on: stream, context)
            settle(stream, stream.machine.requestSent())
        case .end:
            writeTrailers(of: stream, isEndDue: true)
            planFlush()
            settle(stream, stream.machine.requestSent())
        }
    }

    private func write(_ chunk: ByteBuffer, isLast: Bool, on stream: HTTP2Stream, _ context: ChannelHandlerContext) {
        stream.isWriting = true
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { result in
            stream.isWriting = false
            // A stream that ends fails its writes, and its exchange is told by whatever ended it.
            guard case .success = result else { return }
            stream.exchange.uploadAccepted()
            self.pump(stream)
        }
        write(.data(.init(data: .byteBuffer(chunk), endStream: isLast)), on: HTTP2StreamID(stream.id), promise)
        planFlush()
    }

    func cutRequestShort(_ exchange: Exchange) {
        guard let stream = stream(of: exchange) else { return }
        stream.continueBy = nil
        settle(stream, stream.machine.requestCutShort())
    }
}
