// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import NIOCore
import NIOHPACK
import NIOHTTP2

/// Answers the request of one stream with the body that its path names.
final class HTTP2Responder: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias OutboundOut = HTTP2Frame.FramePayload

    private var size = ResponseSize.small

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .headers(let frame):
            size = ResponseSize(path: frame.headers.first(name: ":path") ?? "")
            if frame.endStream { answer(context) }
        case .data(let frame) where frame.endStream: answer(context)
        default: break
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func answer(_ context: ChannelHandlerContext) {
        context.write(wrapOutboundOut(.headers(.init(headers: Self.headers[size] ?? [:]))), promise: nil)
        let body = HTTP2Frame.FramePayload.Data(data: .byteBuffer(size.body), endStream: true)
        context.writeAndFlush(wrapOutboundOut(.data(body)), promise: nil)
    }

    private static let headers: [ResponseSize: HPACKHeaders] = Dictionary(
        uniqueKeysWithValues: ResponseSize.allCases.map { size in
            (size, [":status": "200", "content-type": "application/json", "content-length": "\(size.byteCount)"])
        }
    )
}
