// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import NIOCore
import NIOHTTP1

/// SwiftNIO's decoder of responses, with an end to what stands before a response's head is complete.
///
/// The parser's own limits leave the status line out, whose reason may be endless: it keeps nothing of it, and whoever
/// waits for the response waits for ever.
struct ResponseDecoder: WriteObservingByteToMessageDecoder {
    typealias InboundOut = HTTPClientResponsePart
    typealias OutboundIn = HTTPClientRequestPart

    private var base: HTTPResponseDecoder
    private let driver: HTTP1ConnectionDriver
    private let maximumHeadBytes: Int
    /// How many bytes were read since the exchange began; 0 as long as no head is waited for.
    private var headBytes = 0

    /// - Parameters:
    ///   - maximumHeadBytes: The most bytes of a head, with its interim responses.
    ///   - driver: Knows whether a head is what comes next.
    init(_ base: HTTPResponseDecoder, maximumHeadBytes: Int, for driver: HTTP1ConnectionDriver) {
        self.base = base
        self.maximumHeadBytes = maximumHeadBytes
        self.driver = driver
    }

    mutating func decoderAdded(context: ChannelHandlerContext) {
        base.decoderAdded(context: context)
    }

    mutating func decoderRemoved(context: ChannelHandlerContext) {
        base.decoderRemoved(context: context)
    }

    mutating func decode(context: ChannelHandlerContext, buffer: inout ByteBuffer) throws -> DecodingState {
        let available = buffer.readableBytes
        let state = try base.decode(context: context, buffer: &buffer)
        guard driver.machine.awaitsHead else {
            headBytes = 0
            return state
        }
        headBytes += available - buffer.readableBytes
        guard headBytes <= maximumHeadBytes else { throw HTTPParserError.headerOverflow }
        return state
    }

    mutating func decodeLast(
        context: ChannelHandlerContext,
        buffer: inout ByteBuffer,
        seenEOF: Bool
    ) throws -> DecodingState {
        try base.decodeLast(context: context, buffer: &buffer, seenEOF: seenEOF)
    }

    mutating func write(data: HTTPClientRequestPart) {
        base.write(data: data)
    }
}
