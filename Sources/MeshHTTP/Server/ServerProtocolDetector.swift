// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

package import NIOCore

/// Tells HTTP/2 by prior knowledge from HTTP/1.1 on a connection without TLS, by its first bytes (RFC 9113 §3.4).
package final class ServerProtocolDetector: ChannelInboundHandler, RemovableChannelHandler {
    package typealias InboundIn = ByteBuffer
    package typealias InboundOut = ByteBuffer

    /// The beginning of HTTP/2's preface; no request of HTTP/1.1 begins with it.
    private static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    private let configure: (_ isHTTP2: Bool) throws -> Void
    private var bytes = ByteBuffer()
    private var isDecided = false

    /// - Parameter configure: Adds the handlers of a protocol behind this one.
    package init(configure: @escaping (_ isHTTP2: Bool) throws -> Void) {
        self.configure = configure
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var more = unwrapInboundIn(data)
        bytes.writeBuffer(&more)
        guard !isDecided else { return }
        let view = bytes.readableBytesView
        guard Self.preface.starts(with: view.prefix(Self.preface.count)) else { return decide(false, context) }
        if view.count >= Self.preface.count { decide(true, context) }
    }

    private func decide(_ isHTTP2: Bool, _ context: ChannelHandlerContext) {
        // First: HTTP/2's greeting is written as its handler is added, and a write that fails reads what is left, which
        // comes back here.
        isDecided = true
        do {
            try configure(isHTTP2)
        } catch {
            context.close(promise: nil)
            return
        }
        context.fireChannelRead(wrapInboundOut(bytes))
        context.fireChannelReadComplete()
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }
}
