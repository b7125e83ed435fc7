// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import NIOCore

/// Closes a connection of HTTP/1.1, or one that has not said yet what it speaks, when its next request takes too long.
///
/// It stands at the front of the pipeline, where bytes are seen before anybody has made sense of them: whoever sends a
/// head byte by byte, or a TLS handshake, is not busy but slow.
final class ConnectionPatience: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private var machine: ConnectionPatienceStateMachine
    private var alarm: LoopAlarm?
    private var context: ChannelHandlerContext?

    init(headerTimeout: Nanoseconds, idleTimeout: Nanoseconds) {
        self.machine = ConnectionPatienceStateMachine(headerTimeout: headerTimeout, idleTimeout: idleTimeout)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        alarm = LoopAlarm(context.eventLoop) { [weak self] in self?.rang() }
        set(machine.opened(at: Self.now))
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        release()
    }

    func channelInactive(context: ChannelHandlerContext) {
        release()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if machine.isIdle { set(machine.bytesArrived(at: Self.now)) }
        context.fireChannelRead(data)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // Nobody behind it knows yet how this connection says goodbye.
        if event is ChannelShouldQuiesceEvent, machine.isUnused {
            context.close(promise: nil)
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    func headReceived() {
        machine.headReceived()
    }

    func responseEnded() {
        set(machine.responseEnded(at: Self.now))
    }

    /// The connection speaks HTTP/2, which has a watch of its own.
    func handOver() {
        machine.handedOver()
        alarm?.cancel()
    }

    private func rang() {
        switch machine.fired(at: Self.now) {
        case .nothing: break
        case .rearm(let instant): set(instant)
        case .close: context?.close(promise: nil)
        }
    }

    private func set(_ instant: MeshInstant?) {
        guard let instant else { return }
        alarm?.set(in: instant.elapsed(since: Self.now))
    }

    private func release() {
        alarm?.cancel()
        alarm = nil
        context = nil
    }

    private static var now: MeshInstant { MeshInstant(nanoseconds: NIODeadline.now().uptimeNanoseconds) }
}
