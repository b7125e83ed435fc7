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

    let configuration: HTTPTransport.Configuration
    private(set) var machine: HTTP1ConnectionStateMachine
    private var context: ChannelHandlerContext?
    private var connection: HTTP1Connection?
    private var pool: ConnectionPool?
    private var exchange: Exchange?
    private var delivery = ExchangeStateMachine.Delivery()
    private var closesAfterResponse = false

    private let needsHandshake: Bool
    private var isSecured = false
    private var isReady = false
    private var hasServed = false
    private var lastError: (any Error)?

    private var isPaused = false
    private var hasPendingRead = false
    private var awaitsWritability = false

    private var timer = LazyTimer()
    private var scheduled: Scheduled<Void>?
    private var oldestUse: MeshInstant?

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

    /// The channel is connected, and has a place in a pool.
    func activate(in pool: ConnectionPool, as id: Int, dialedAt: MeshInstant) {
        guard let context else { return pool.connectFailed(id, cause: lastError ?? ChannelError.eof) }
        let connection = HTTP1Connection(id: id, driver: self, eventLoop: context.eventLoop)
        self.connection = connection
        self.pool = pool
        if configuration.maximumConnectionAge != .forever {
            oldestUse = dialedAt.advanced(by: configuration.maximumConnectionAge)
        }
        if needsHandshake, !isSecured {
            want(dialedAt.advanced(by: pool.connectTimeout))
        } else {
            becomeReady()
        }
    }

    private func becomeReady() {
        guard let pool, let connection, !isReady else { return }
        isReady = true
        want(nil)
        pool.connectionReady(connection)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted? = event as? TLSUserEvent {
            isSecured = true
            becomeReady()
        }
        context.fireUserInboundEventTriggered(event)
    }

    // MARK: Exchanges

    /// Sends a request. The pool has leased the connection to it.
    func start(_ exchange: Exchange) {
        guard let pool, let connection, let context, context.channel.isActive, machine.isIdle else {
            // It was closed while the request was on its way here. Not one byte was written: another one will do.
            self.pool?.resubmit(exchange)
            return
        }
        guard exchange.begin(on: connection) else { return release() }
        let request = exchange.request
        let started = machine.exchangeStarted(
            isRequestComplete: !request.isStreamed,
            isReusable: !request.closesConnection
        )
        assert(started, "the machine was idle")
        self.exchange = exchange
        closesAfterResponse = request.closesConnection
        want(exchange.deadline.isNever ? nil : exchange.deadline.instant)
        _ = pool
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

    /// Nobody wants more of the response.
    func abandon(_ exchange: Exchange, mayDrain: Bool) {
        guard self.exchange === exchange else { return }
        settle(machine.exchangeAbandoned(mayDrain: mayDrain))
        guard machine.isDraining else { return }
        want(configuration.clock.now.advanced(by: configuration.drainTimeout))
        goOnReading()
    }

    /// The exchange was given up: this connection, and no other, ends with it.
    func abort(_ exchange: Exchange) {
        guard self.exchange === exchange else { return }
        close()
    }

    /// The transport is shut down, or the pool does not want the connection any more.
    func shutDown() {
        exchange?.fail(.cancelled, origin: .local, message: "the transport was shut down")
        close()
    }

    /// Ends the connection if no exchange goes on.
    func closeIfIdle() {
        if machine.isIdle { close() }
    }

    // MARK: Reading

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            guard let response = HTTPResponse(head), head.status.code != 101 else { return violate("a bad status") }
            hasServed = true
            let isKeepAlive = head.isKeepAlive
            closesAfterResponse = closesAfterResponse || !isKeepAlive
            switch machine.headReceived(isKeepAlive: isKeepAlive, length: head.bodyLength) {
            case .forward: delivery.head = response
            case .discard: break
            case .violation, .close: violate("a response without a request")
            }
        case .body(let bytes):
            switch machine.bodyReceived(bytes.readableBytes) {
            case .forward: delivery.body.append(bytes)
            case .discard: break
            case .violation: violate("a body without a response")
            case .close: close()
            }
        case .end(let trailers):
            switch machine.endReceived() {
            case .forward:
                delivery.isEnd = true
                delivery.trailers = trailers.map { HTTPFields($0) }
            case .discard: break
            case .violation, .close: violate("the end of a response that did not begin")
            }
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        flush()
        context.fireChannelReadComplete()
    }

    /// Hands over what was collected. The connection goes back first: the caller may want it again at once.
    private func flush() {
        let exchange = exchange
        let delivery = delivery
        let closes = closesAfterResponse
        if !delivery.isEmpty { self.delivery = ExchangeStateMachine.Delivery() }
        settle(machine.readCompleted())
        guard let exchange, !delivery.isEmpty else { return }
        let wantsMore = exchange.receive(delivery, closesConnection: closes)
        if self.exchange === exchange, !machine.isDraining { isPaused = !wantsMore }
    }

    /// Reads only while the reader keeps up; an idle connection reads, to notice that the peer closes it.
    func read(context: ChannelHandlerContext) {
        if isPaused { hasPendingRead = true } else { context.read() }
    }

    /// The reader has made room.
    func resumeReading(_ exchange: Exchange) {
        guard self.exchange === exchange else { return }
        goOnReading()
    }

    private func goOnReading() {
        isPaused = false
        guard hasPendingRead, let context else { return }
        hasPendingRead = false
        context.read()
    }

    // MARK: Ending

    private func settle(_ completion: HTTP1ConnectionStateMachine.Completion) {
        switch completion {
        case .none: break
        case .release:
            exchange = nil
            goOnReading()
            release()
        case .close:
            // What was received of a complete response stays readable.
            if delivery.isEmpty == false, let exchange { _ = exchange.receive(delivery, closesConnection: true) }
            delivery = ExchangeStateMachine.Delivery()
            close()
        }
    }

    private func release() {
        guard let pool, let connection, let context else { return }
        let now = configuration.clock.now
        guard context.channel.isActive, oldestUse.map({ now < $0 }) ?? true else { return close() }
        awaitsWritability = false
        closesAfterResponse = false
        // Before the pool hears of it: it may start the next exchange at once, which wants another instant.
        want(min(now.advanced(by: configuration.idleTimeout), oldestUse ?? MeshInstant(nanoseconds: .max)))
        pool.connectionReleased(connection)
    }

    private func violate(_ what: String) {
        exchange?.fail(.protocolViolation, origin: .upstream, message: "the peer sent \(what)")
        delivery = ExchangeStateMachine.Delivery()
        close()
    }

    private func close() {
        machine.closed()
        context?.close(promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        lastError = error
        if let exchange {
            let failure = ChannelFailure(error, isFirstUse: !hasServed, isSecured: needsHandshake)
            if !delivery.isEmpty { _ = exchange.receive(delivery, closesConnection: true) }
            delivery = ExchangeStateMachine.Delivery()
            exchange.fail(
                failure.code,
                origin: .upstream,
                message: failure.message,
                cause: error,
                keepsBody: true
            )
        }
        close()
    }

    func channelInactive(context: ChannelHandlerContext) {
        scheduled?.cancel()
        scheduled = nil
        flush()
        let exchange = exchange
        self.exchange = nil
        machine.closed()
        if let pool, let connection {
            if isReady {
                pool.connectionClosed(connection)
            } else {
                pool.connectFailed(connection.id, cause: lastError ?? ChannelError.eof)
            }
        }
        if let exchange {
            let failure = ChannelFailure(lastError, isFirstUse: !hasServed, isSecured: needsHandshake)
            exchange.fail(failure.code, origin: .upstream, message: failure.message, cause: lastError, keepsBody: true)
        }
        pool = nil
        connection = nil
        context.fireChannelInactive()
    }

    // MARK: Time

    private func want(_ instant: MeshInstant?) {
        if let alarm = timer.want(instant) { arm(alarm) }
    }

    private func arm(_ instant: MeshInstant) {
        guard let context else { return }
        scheduled?.cancel()
        let left = instant.elapsed(since: configuration.clock.now)
        scheduled = context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(left)) { self.alarmRang() }
    }

    private func alarmRang() {
        scheduled = nil
        switch timer.fired(at: configuration.clock.now) {
        case .nothing: break
        case .rearm(let instant): arm(instant)
        case .due: timeOut()
        }
    }

    private func timeOut() {
        guard isReady else {
            lastError = ChannelError.connectTimeout(TimeAmount(pool?.connectTimeout ?? .zero))
            return close()
        }
        if let exchange {
            if !machine.isDraining {
                exchange.fail(.deadlineExceeded, origin: .upstream, message: "the deadline passed before the response")
            }
            close()
        } else if let connection, pool?.idleTimedOut(connection) ?? true {
            close()
        }
    }
}
