// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import NIOCore
import NIOHTTP1

/// Answers every request with the body that its path names.
final class HTTP1Responder: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private var size = ResponseSize.small

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): size = ResponseSize(path: head.uri)
        case .body: break
        case .end:
            let answer = HTTPResponseHead(version: .http1_1, status: .ok, headers: Self.headers[size] ?? [:])
            context.write(wrapOutboundOut(.head(answer)), promise: nil)
            context.write(wrapOutboundOut(.body(.byteBuffer(size.body))), promise: nil)
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private static let headers: [ResponseSize: HTTPHeaders] = Dictionary(
        uniqueKeysWithValues: ResponseSize.allCases.map { size in
            (size, ["content-type": "application/json", "content-length": "\(size.byteCount)"])
        }
    )
}
