// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import NIOCore

/// Notices that the caller of the request in hand has left: the connection is gone, or the stream was reset.
///
/// It stands at the front of a request's channel and looks at events only. Lives on the channel's event loop.
final class CallerPresence: ChannelInboundHandler {
    typealias InboundIn = NIOAny

    /// Called once, when the caller leaves; `nil` while no request is served.
    var hasLeft: (() -> Void)?
    /// A stream's end of input is the end of a request; a connection's is that of its caller. A client that shuts down
    /// only its sending half cannot be told from one that has gone, and is taken for that, as Envoy and Go do.
    private let isStream: Bool

    private init(isStream: Bool) {
        self.isStream = isStream
    }

    /// The presence of a channel's caller, put there with its first request. Must be called on its loop.
    static func of(_ channel: any Channel) -> CallerPresence? {
        let pipeline = channel.pipeline.syncOperations
        if let present = try? pipeline.handler(type: CallerPresence.self) { return present }
        // The parent of a stream is a connection, whose parent is the listening socket, which has none.
        let presence = CallerPresence(isStream: channel.parent?.parent != nil)
        return (try? pipeline.addHandler(presence, position: .first)) == nil ? nil : presence
    }

    func channelInactive(context: ChannelHandlerContext) {
        leave()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        leave()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if !isStream, event as? ChannelEvent == .inputClosed { leave() }
        context.fireUserInboundEventTriggered(event)
    }

    private func leave() {
        hasLeft?()
        hasLeft = nil
    }
}
