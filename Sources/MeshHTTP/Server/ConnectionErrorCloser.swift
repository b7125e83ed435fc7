// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import NIOCore
import NIOHTTP2

/// The end of an HTTP/2 connection's pipeline: closes the connection for errors that are the connection's.
///
/// swift-nio-http2 answers a peer that breaks the protocol or floods it with GOAWAY, and leaves the closing to others.
/// Where `HTTP2Watch` noticed the flood, the GOAWAY is said here.
final class ConnectionErrorCloser: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame
    typealias OutboundOut = HTTP2Frame

    private let watch: HTTP2Watch

    init(_ watch: HTTP2Watch) {
        self.watch = watch
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard watch.hasGivenUp || !Self.isOfStream(error) else { return }
        if error is HTTP2Watch.Flood {
            // Stream 0: nothing of what is open is going to be answered.
            let goodbye = HTTP2Frame.FramePayload.goAway(
                lastStreamID: .rootStream,
                errorCode: .enhanceYourCalm,
                opaqueData: nil
            )
            context.writeAndFlush(wrapOutboundOut(HTTP2Frame(streamID: .rootStream, payload: goodbye)), promise: nil)
        }
        context.close(promise: nil)
    }

    /// Whether only a stream dies of the error, by a reset that was sent already: other streams may be other callers',
    /// behind a proxy. RFC 9113 calls these malformed messages and stream errors; all else is the connection's, and so
    /// are these where a GOAWAY says so.
    private static func isOfStream(_ error: any Error) -> Bool {
        switch error {
        case is NIOHTTP2Errors.StreamError, is NIOHTTP2Errors.StreamClosed, is NIOHTTP2Errors.NoSuchStream,
            is NIOHTTP2Errors.CreatedStreamAfterGoaway, is NIOHTTP2Errors.MissingPseudoHeader,
            is NIOHTTP2Errors.DuplicatePseudoHeader,
            is NIOHTTP2Errors.PseudoHeaderAfterRegularHeader, is NIOHTTP2Errors.UnknownPseudoHeader,
            is NIOHTTP2Errors.UnsupportedPseudoHeader, is NIOHTTP2Errors.InvalidPseudoHeaders,
            is NIOHTTP2Errors.InvalidPseudoHeaderValue, is NIOHTTP2Errors.MissingHostHeader,
            is NIOHTTP2Errors.DuplicateHostHeader, is NIOHTTP2Errors.EmptyPathHeader,
            is NIOHTTP2Errors.TrailersWithoutEndStream, is NIOHTTP2Errors.InvalidHTTP2HeaderFieldName,
            is NIOHTTP2Errors.InvalidHTTP2HeaderFieldValue, is NIOHTTP2Errors.ForbiddenHeaderField,
            is NIOHTTP2Errors.ContentLengthViolated, is NIOHTTP2Errors.ContentLengthHeadersMismatch,
            is NIOHTTP2Errors.ContentLengthHeaderNegative, is NIOHTTP2Errors.ContentLengthHeaderMalformedValue,
            is NIOHTTP2Errors.BadStreamStateTransition, is NIOHTTP2Errors.FlowControlViolation,
            is NIOHTTP2Errors.InvalidWindowIncrementSize, is NIOHTTP2Errors.InvalidFlowControlWindowSize:
            true
        default: false
        }
    }
}
