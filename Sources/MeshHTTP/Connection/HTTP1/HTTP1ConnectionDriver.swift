// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore
import NIOCore
import NIOHTTP1

/// The thin driver of a connection of HTTP/1.1: last in the channel's pipeline, always on its event loop.
///
/// What a read brings is collected and handed over when the read is complete: one lock for a whole response, and no
/// release of the connection before every byte of the read was looked at.
final class HTTP1ConnectionDriver: ChannelDuplexHandler, ConnectionDriver {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundIn = HTTPClientRequestPart
    typealias OutboundOut = HTTPClientRequestPart

    let configuration: HTTPTransport.Configuration
    private let isSecured: Bool
    private let encoder: HTTP1RequestEncoder
    private var identity: ConnectionIdentity?
    private var lastError: (any Error)?
    private var closing: ConnectionClosing?
    private var awaitsWritability = false
    /// The body waits for the peer's word that it wants it (RFC 9110 §10.1.1).
    private var awaitsContinue = false

    // What receiving needs, which is in an extension.
    private(set) var context: ChannelHandlerContext?
    private(set) var exchange: Exchange?
    var machine: HTTP1ConnectionStateMachine
    var receiving = Receiving()

    init(configuration: HTTPTransport.Configuration, isSecured: Bool, encoder: HTTP1RequestEncoder) {
        self.configuration = configuration
        self.isSecured = isSecured
        self.encoder = encoder
        self.machine = HTTP1ConnectionStateMachine(drainLimit: configuration.drainLimit)
    }

    // MARK: Becoming a connection

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        // A channel that is closed as soon as it is connected, before that was told, is never told to be inactive.
        ended()
        self.context = nil
    }

    func activate(for owner: any ConnectionOwner, as id: Int, dialedAt: MeshInstant) {
        guard let context, context.channel.isActive else {
            return owner.connectFailed(id, cause: lastError ?? ChannelError.eof)
        }
        let alarm = ConnectionAlarm(clock: configuration.clock, loop: context.eventLoop.assumeIsolated()) {
            [weak self] in
            self?.timeOut()
        }
        var identity = ConnectionIdentity(
            HTTPConnection(
                id: id,
                spoken: .http1,
                endpoint: owner.endpoint,
                driver: self,
                eventLoop: context.eventLoop
            ),
            owner: owner,
            alarm: alarm,
            configuration: configuration,
            dialedAt: dialedAt
        )
        machine.requestsLeft = identity.options.maximumRequests == 0 ? .max : identity.options.maximumRequests
        let wait = identity.becameReady(at: configuration.clock.now)
        self.identity = identity
        owner.connectionReady(identity.connection, capacity: 1, after: wait)
        if machine.isIdle { wantIdleEnd(identity, now: configuration.clock.now) }
    }

    // MARK: Sending

    func start(_ exchange: Exchange, resubmittingTo owner: any ConnectionOwner) {
        guard let identity, let context, context.channel.isActive, machine.isIdle else {
            // It was closed while the request was on its way here. Not one byte was written: another one will do.
            return owner.resubmit(exchange)
        }
        guard exchange.begin(on: identity.connection) else { return release() }
        let request = exchange.request
        let isComplete = !request.isStreamed && !request.expectsContinue
        machine.exchangeStarted(isRequestComplete: isComplete, isReusable: !request.closesConnection)
        self.exchange = exchange
        receiving.beginExchange()
        if request.expectsContinue {
            awaitsContinue = true
            wantContinue(exchange)
        } else {
            want(exchange.headDeadline)
        }
        // All of the request, if it is at hand and is not to wait.
        context.writeAndFlush(wrapOutboundOut(.head(encoder.announce(request))), promise: nil)
        if request.isStreamed { pump(exchange) }
    }

    /// The peer wants the body, or has not said so for long enough: it may not know the expectation.
    func continueRequest() {
        guard awaitsContinue, let exchange, let context else { return }
        awaitsContinue = false
        want(exchange.headDeadline)
        guard !exchange.request.isStreamed else { return pump(exchange) }
        if let body = exchange.request.body { context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil) }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        settle(machine.requestSent())
    }

    func pump(_ exchange: Exchange) {
        guard let context, self.exchange === exchange, !awaitsContinue else { return }
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
        case .lastChunk(let chunk):
            context.write(wrapOutboundOut(.body(.byteBuffer(chunk))), promise: nil)
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            exchange.uploadAccepted()
            settle(machine.requestSent())
        case .end:
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
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

    func cutRequestShort(_ exchange: Exchange) {
        guard self.exchange === exchange else { return }
        settle(machine.requestCutShort())
    }

    /// The response's head has come: from now on only the request's own deadline counts, and a body that was held back
    /// is not wanted.
    func headArrived() {
        guard let exchange else { return }
        if awaitsContinue {
            awaitsContinue = false
            _ = machine.requestCutShort()
            want(exchange.deadline)
        } else if exchange.headDeadline < exchange.deadline {
            want(exchange.deadline)
        }
    }

    private func want(_ deadline: Deadline) {
        identity?.alarm.want(deadline.isNever ? nil : deadline.instant)
    }

    private func wantContinue(_ exchange: Exchange) {
        let patience = configuration.clock.now.advanced(by: configuration.continueTimeout)
        identity?.alarm.want(min(patience, exchange.headDeadline.instant))
    }

    private func wantIdleEnd(_ identity: ConnectionIdentity, now: MeshInstant) {
        let idleEnd = now.advanced(by: identity.idleTimeout)
        identity.alarm.want(identity.retiresAt.map { min($0, idleEnd) } ?? idleEnd)
    }

    // MARK: Ending

    func abandon(_ exchange: Exchange, mayDrain: Bool) {
        guard self.exchange === exchange else { return }
        settle(machine.exchangeAbandoned(mayDrain: mayDrain), closing: .exchangeAbandoned)
        guard machine.isDraining else { return }
        identity?.alarm.want(configuration.clock.now.advanced(by: configuration.drainTimeout))
        resumeReading()
    }

    func abort(_ exchange: Exchange) {
        guard self.exchange === exchange else { return }
        close(.exchangeAbandoned)
    }

    func shutDown() {
        exchange?.fail(.cancelled, origin: .local, message: "the transport was shut down")
        close(.condemned)
    }

    func drain() {
        if machine.isIdle { close(.condemned) }
    }

    func settle(_ completion: HTTP1ConnectionStateMachine.Completion, closing: ConnectionClosing = .peerAnnounced) {
        switch completion {
        case .none: break
        case .release:
            exchange = nil
            resumeReading()
            release()
        case .close: close(machine.requestsLeft == 0 ? .maximumRequests : closing)
        }
    }

    private func release() {
        guard let identity, let context else { return }
        let now = configuration.clock.now
        guard context.channel.isActive else { return close(.remote) }
        guard identity.retiresAt.map({ now < $0 }) ?? true else { return close(.age) }
        awaitsWritability = false
        // Before the owner hears of it, who may start the next exchange at once, which wants another instant.
        wantIdleEnd(identity, now: now)
        identity.owner.connectionReleased(identity.connection)
    }

    func violate(_ what: String) {
        // What stands before it in the same read was a proper response, perhaps a complete one.
        machine.closed()
        handOver()
        exchange?.fail(.protocolViolation, origin: .upstream, message: "the peer sent \(what)", keepsBody: true)
        close(.protocolError)
    }

    private func timeOut() {
        guard let identity else { return }
        if let exchange {
            if awaitsContinue, !exchange.headDeadline.hasPassed(at: configuration.clock.now) {
                return continueRequest()
            }
            if !machine.isDraining {
                exchange.fail(.deadlineExceeded, origin: .upstream, message: exchange.deadlineMessage)
            }
            close(.exchangeAbandoned)
        } else if identity.owner.idleTimedOut(identity.connection) {
            let isOld = identity.retiresAt.map { $0 <= configuration.clock.now } ?? false
            close(isOld ? .age : .idle)
        }
    }

    func close(_ reason: ConnectionClosing) {
        machine.closed()
        closing = closing ?? reason
        context?.close(promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        lastError = error
        machine.closed()
        handOver()
        failExchange()
        close(ChannelFailure.isViolation(error) ? .protocolError : .remote)
    }

    func channelInactive(context: ChannelHandlerContext) {
        ended()
        context.fireChannelInactive()
    }

    private func ended() {
        machine.closed()
        handOver()
        let active = exchange == nil ? 0 : 1
        failExchange()
        exchange = nil
        if let identity {
            identity.alarm.cancel()
            self.identity = nil
            identity.close(closing ?? .remote, activeRequests: active, at: configuration.clock.now)
        }
    }

    private func failExchange() {
        guard let exchange else { return }
        // First: whoever hears of the failure may try again at once.
        if let identity, closing == nil, lastError.map(ChannelFailure.isViolation) != true {
            identity.owner.connectionBroken(identity.connection)
        }
        let failure = ChannelFailure(lastError, isFirstUse: !receiving.hasAnswered, isSecured: isSecured)
        exchange.fail(failure.code, origin: .upstream, message: failure.message, cause: lastError, keepsBody: true)
    }
}
