// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

package import NIOCore

/// Tells a connection that begins with TLS from one in plaintext, by its first byte, where both are taken on one port.
///
/// A handshake's record begins with 22 (RFC 8446 §5.1), which is no byte of any HTTP method.
package final class TransportDetector: ChannelInboundHandler, RemovableChannelHandler {
    package typealias InboundIn = ByteBuffer
    package typealias InboundOut = ByteBuffer

    /// The type of the record that a TLS handshake begins with.
    private static let handshake: UInt8 = 22

    private let configure: (_ isTLS: Bool) throws -> Void
    private var bytes = ByteBuffer()
    private var isDecided = false

    /// - Parameter configure: Adds the handlers of the protocol behind this one. What it throws closes the connection.
    package init(configure: @escaping (_ isTLS: Bool) throws -> Void) {
        self.configure = configure
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var more = unwrapInboundIn(data)
        bytes.writeBuffer(&more)
        guard !isDecided, let first = bytes.readableBytesView.first else { return }
        // First: what is added may write at once, and a write that fails reads what is left, which comes back here.
        isDecided = true
        do {
            try configure(first == Self.handshake)
        } catch {
            context.close(promise: nil)
            return
        }
        context.fireChannelRead(wrapInboundOut(bytes))
        context.fireChannelReadComplete()
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }
}
