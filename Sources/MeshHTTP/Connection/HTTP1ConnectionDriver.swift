// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore
import NIOCore
import NIOHTTP1
import NIOTLS

/// The thin driver of a connection: last in the channel's pipeline, always on its event loop.
///
/// What a read brings is collected and handed over when the read is complete: one lock for a whole response, and no
/// release of the connection before every byte of the read was looked at.
final class HTTP1ConnectionDriver: ChannelDuplexHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundIn = HTTPClientRequestPart
    typealias OutboundOut = HTTPClientRequestPart

    /// Who the connection is, once it has an owner.
    private struct Identity {
        var connection: HTTP1Connection
        var owner: any ConnectionOwner
        var alarm: ConnectionAlarm
        /// When it becomes too old for another exchange.
        var retiresAt: MeshInstant?
    }

    private let configuration: HTTPTransport.Configuration
    private let needsHandshake: Bool
    private var identity: Identity?
    private var isSecured = false
    private var isReady = false
    private var lastError: (any Error)?
    private var awaitsWritability = false

    // What receiving needs, which is in an extension.
    private(set) var context: ChannelHandlerContext?
    private(set) var exchange: Exchange?
    var machine: HTTP1ConnectionStateMachine
    var receiving = Receiving()

    init(configuration: HTTPTransport.Configuration, needsHandshake: Bool) {
        self.configuration = configuration
        self.needsHandshake = needsHandshake
        self.machine = HTTP1ConnectionStateMachine(drainLimit: configuration.drainLimit)
    }

    // MARK: Becoming a connection

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    /// The channel is connected and has an owner.
    func activate(for owner: any ConnectionOwner, as id: Int, dialedAt: MeshInstant) {
        guard let context, context.channel.isActive else {
            return owner.connectFailed(id, cause: lastError ?? ChannelError.eof)
        }
        let age = configuration.maximumConnectionAge
        let alarm = ConnectionAlarm(clock: configuration.clock, loop: context.eventLoop.assumeIsolated()) {
            [weak self] in
            self?.timeOut()
        }
        identity = Identity(
            connection: HTTP1Connection(id: id, driver: self, eventLoop: context.eventLoop),
            owner: owner,
            alarm: alarm,
            retiresAt: age == .forever ? nil : dialedAt.advanced(by: age)
        )
        if needsHandshake, !isSecured {
            alarm.want(dialedAt.advanced(by: owner.connectTimeout))
        } else {
            becomeReady()
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted? = event as? TLSUserEvent {
            isSecured = true
            becomeReady()
        }
        context.fireUserInboundEventTriggered(event)
    }

    private func becomeReady() {
        guard let identity, !isReady else { return }
        isReady = true
        identity.alarm.want(nil)
        identity.owner.connectionReady(identity.connection)
    }

    // MARK: Sending

    /// Sends a request. The owner has leased the connection to it.
    func start(_ exchange: Exchange, resubmittingTo owner: any ConnectionOwner) {
        guard let identity, let context, context.channel.isActive, machine.isIdle else {
            // It was closed while the request was on its way here. Not one byte was written: another one will do.
            return owner.resubmit(exchange)
        }
        guard exchange.begin(on: identity.connection) else { return release() }
        let request = exchange.request
        machine.exchangeStarted(isRequestComplete: !request.isStreamed, isReusable: !request.closesConnection)
        self.exchange = exchange
        receiving.peerCloses = false
        want(exchange.headDeadline)
        context.write(wrapOutboundOut(.head(request.head)), promise: nil)
        if let body = request.body { context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil) }
        guard request.isStreamed else {
            context.writeAndFlush(wrapOutboundOut(.end(request.trailers)), promise: nil)
            return
        }
        context.flush()
        pump(exchange)
    }

    /// Writes what a streamed body has ready.
    func pump(_ exchange: Exchange) {
        guard let context, self.exchange === exchange else { return }
        guard context.channel.isWritable else {
            awaitsWritability = true
            return
        }
        switch exchange.nextUpload() {
        case .nothing: break
        case .chunk(let chunk):
            context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(chunk))), promise: nil)
            if context.channel.isWritable {
                exchange.uploadAccepted()
            } else {
                awaitsWritability = true
            }
        case .end:
            context.writeAndFlush(wrapOutboundOut(.end(exchange.request.trailers)), promise: nil)
            settle(machine.requestSent())
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable, awaitsWritability, let exchange {
            awaitsWritability = false
            exchange.uploadAccepted()
            pump(exchange)
        }
        context.fireChannelWritabilityChanged()
    }

    /// The rest of a streamed request will not come.
    func cutRequestShort(_ exchange: Exchange) {
        guard self.exchange === exchange else { return }
        settle(machine.requestCutShort())
    }

    /// The response's head has come: from now on only the request's own deadline counts.
    func headArrived() {
        guard let exchange, exchange.headDeadline < exchange.deadline else { return }
        want(exchange.deadline)
    }

    private func want(_ deadline: Deadline) {
        identity?.alarm.want(deadline.isNever ? nil : deadline.instant)
    }

    // MARK: Ending

    /// Nobody wants more of the response.
    func abandon(_ exchange: Exchange, mayDrain: Bool) {
        guard self.exchange === exchange else { return }
        settle(machine.exchangeAbandoned(mayDrain: mayDrain))
        guard machine.isDraining else { return }
        identity?.alarm.want(configuration.clock.now.advanced(by: configuration.drainTimeout))
        resumeReading()
    }

    /// The exchange was given up: this connection, and no other, ends with it.
    func abort(_ exchange: Exchange) {
        guard self.exchange === exchange else { return }
        close()
    }

    /// The transport is shut down.
    func shutDown() {
        exchange?.fail(.cancelled, origin: .local, message: "the transport was shut down")
        close()
    }

    /// The owner does not want the connection any more.
    func closeIfIdle() {
        if machine.isIdle { close() }
    }

    func settle(_ completion: HTTP1ConnectionStateMachine.Completion) {
        switch completion {
        case .none: break
        case .release:
            exchange = nil
            resumeReading()
            release()
        case .close: close()
        }
    }

    private func release() {
        guard let identity, let context else { return }
        let now = configuration.clock.now
        guard context.channel.isActive, identity.retiresAt.map({ now < $0 }) ?? true else { return close() }
        awaitsWritability = false
        // Before the owner hears of it, who may start the next exchange at once, which wants another instant.
        let idleEnd = now.advanced(by: configuration.idleTimeout)
        identity.alarm.want(identity.retiresAt.map { min($0, idleEnd) } ?? idleEnd)
        identity.owner.connectionReleased(identity.connection)
    }

    func violate(_ what: String) {
        // What stands before it in the same read was a proper response, perhaps a complete one.
        machine.closed()
        handOver()
        exchange?.fail(.protocolViolation, origin: .upstream, message: "the peer sent \(what)", keepsBody: true)
        close()
    }

    private func timeOut() {
        guard let identity else { return }
        guard isReady else {
            lastError = ChannelError.connectTimeout(TimeAmount(identity.owner.connectTimeout))
            return close()
        }
        if let exchange {
            if !machine.isDraining {
                exchange.fail(.deadlineExceeded, origin: .upstream, message: "the deadline passed before the response")
            }
            close()
        } else if identity.owner.idleTimedOut(identity.connection) {
            close()
        }
    }

    func close() {
        machine.closed()
        context?.close(promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        lastError = error
        machine.closed()
        handOver()
        failExchange()
        close()
    }

    func channelInactive(context: ChannelHandlerContext) {
        machine.closed()
        handOver()
        failExchange()
        exchange = nil
        if let identity {
            identity.alarm.cancel()
            self.identity = nil
            if isReady {
                identity.owner.connectionClosed(identity.connection)
            } else {
                identity.owner.connectFailed(identity.connection.id, cause: lastError ?? ChannelError.eof)
            }
        }
        context.fireChannelInactive()
    }

    private func failExchange() {
        guard let exchange else { return }
        let failure = ChannelFailure(lastError, isFirstUse: !receiving.hasAnswered, isSecured: needsHandshake)
        exchange.fail(failure.code, origin: .upstream, message: failure.message, cause: lastError, keepsBody: true)
    }
}
