// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore
import NIOCore
import NIOHTTP2
import Synchronization

/// The thin driver of a connection of HTTP/2: last in the channel's pipeline, always on its event loop.
///
/// swift-nio-http2 keeps the protocol: frames, header compression, flow control towards the peer. Here streams meet
/// exchanges. A stream is no channel of its own, which would cost more than the rest of a request.
final class HTTP2ConnectionDriver: ChannelInboundHandler, ConnectionDriver {
    typealias InboundIn = HTTP2Frame
    typealias OutboundOut = HTTP2Frame

    let configuration: HTTPTransport.Configuration
    let isSecured: Bool
    private let written: WrittenFrames
    private var closing: ConnectionClosing?
    private var lastError: (any Error)?
    private var isFlushPlanned = false
    private(set) var context: ChannelHandlerContext?
    private(set) var identity: ConnectionIdentity?

    // What receiving and time need, which are in extensions.
    var machine: HTTP2ConnectionStateMachine
    var streams: [Int32: HTTP2Stream] = [:]
    var touched: [HTTP2Stream] = []
    var isReading = false
    var needsFlush = false
    var keepalive: KeepaliveStateMachine
    var idleSince: MeshInstant?
    /// The error code in the peer's first GOAWAY.
    var goodbye: StreamErrorCode?

    init(
        configuration: HTTPTransport.Configuration,
        options: ConnectionOptions,
        isSecured: Bool,
        written: WrittenFrames
    ) {
        self.configuration = configuration
        self.isSecured = isSecured
        self.written = written
        self.machine = HTTP2ConnectionStateMachine(
            limit: options.maximumConcurrentStreams,
            maximumRequests: options.maximumRequests
        )
        self.keepalive = KeepaliveStateMachine(interval: options.keepaliveInterval, timeout: options.keepaliveTimeout)
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

    /// The connection is ready when the peer has sent its settings: then it is known to speak HTTP/2, to accept this
    /// side's certificate, and how many streams it allows.
    func activate(for owner: any ConnectionOwner, as id: Int, dialedAt: MeshInstant) {
        guard let context, context.channel.isActive else {
            return owner.connectFailed(id, cause: lastError ?? ChannelError.eof)
        }
        let alarm = ConnectionAlarm(clock: configuration.clock, loop: context.eventLoop.assumeIsolated()) {
            [weak self] in
            self?.alarmRang()
        }
        identity = ConnectionIdentity(
            HTTPConnection(
                id: id,
                spoken: .http2,
                endpoint: owner.endpoint,
                driver: self,
                eventLoop: context.eventLoop
            ),
            owner: owner,
            alarm: alarm,
            configuration: configuration,
            dialedAt: dialedAt
        )
        alarm.want(dialedAt.advanced(by: owner.endpoint.connectTimeout))
        let room = min(configuration.connectionWindow, Int(Int32.max)) - 65_535
        if room > 0 { write(.windowUpdate(windowSizeIncrement: room), on: .rootStream) }
        flush()
    }

    /// The peer's settings say how many streams it takes.
    func settingsReceived(_ settings: HTTP2Settings) {
        let streams = settings.last { $0.parameter == .maxConcurrentStreams }.map { UInt32(clamping: $0.value) }
        switch machine.settingsReceived(maximumConcurrentStreams: streams) {
        case .none: break
        case .capacityChanged(let capacity):
            identity.map { $0.owner.connectionCapacityChanged($0.connection, to: capacity) }
        case .ready(let capacity):
            guard var identity else { return }
            let now = configuration.clock.now
            let wait = identity.becameReady(at: now)
            self.identity = identity
            keepalive.began(at: now)
            idleSince = now
            identity.owner.connectionReady(identity.connection, capacity: capacity, after: wait)
            wantNextAlarm()
        }
    }

    // MARK: Sending

    func start(_ exchange: Exchange, resubmittingTo owner: any ConnectionOwner) {
        guard let identity, let context, context.channel.isActive, let id = machine.streamStarted() else {
            // It was closed, or told to take no more, while the request was on its way here.
            identity.map { $0.owner.connectionReleased($0.connection) }
            return owner.resubmit(exchange)
        }
        guard exchange.begin(on: identity.connection) else {
            // Its number stays unused, which skips it (RFC 9113 §5.1.1).
            return streamEnded()
        }
        let request = exchange.request
        let isWhole = !request.isStreamed && !request.expectsContinue
        let stream = HTTP2Stream(
            id: id,
            exchange: exchange,
            machine: HTTP2StreamStateMachine(isRequestComplete: isWhole, drainLimit: configuration.drainLimit)
        )
        exchange.stream.store(id, ordering: .relaxed)
        streams[id] = stream
        idleSince = nil
        if request.expectsContinue {
            stream.continueBy = configuration.clock.now.advanced(by: configuration.continueTimeout)
        }
        identity.alarm.wantNoLater(than: stream.due)
        let hasMore = request.isStreamed || request.body != nil || request.trailers != nil
        write(
            .headers(.init(headers: request.http2Headers(isSecured: isSecured), endStream: !hasMore)),
            on: HTTP2StreamID(id)
        )
        if hasMore, !request.expectsContinue { writeBody(of: stream) }
        planFlush()
        if machine.isUsedUp { drain(.maximumRequests) }
    }

    // MARK: Writing

    func write(_ payload: HTTP2Frame.FramePayload, on stream: HTTP2StreamID, _ promise: EventLoopPromise<Void>? = nil) {
        guard let context else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        needsFlush = true
        context.write(wrapOutboundOut(HTTP2Frame(streamID: stream, payload: payload)), promise: promise)
    }

    func flush() {
        guard needsFlush else { return }
        needsFlush = false
        context?.flush()
    }

    /// Flushes soon: with other streams at work, what they write in the same turn of the loop goes out with it.
    func planFlush() {
        guard !isReading, !isFlushPlanned else { return }
        guard machine.openStreams > 1, let context else { return flush() }
        isFlushPlanned = true
        context.eventLoop.assumeIsolated().execute {
            self.isFlushPlanned = false
            self.flush()
        }
    }

    // MARK: Ending streams

    func stream(of exchange: Exchange) -> HTTP2Stream? {
        guard let stream = streams[exchange.stream.load(ordering: .relaxed)], stream.exchange === exchange else {
            return nil
        }
        return stream
    }

    func abandon(_ exchange: Exchange, mayDrain: Bool) {
        guard let stream = stream(of: exchange) else { return }
        settle(stream, stream.machine.exchangeAbandoned(mayDrain: mayDrain))
        guard stream.machine.isDraining, streams[stream.id] === stream else { return }
        stream.deadline = Deadline(configuration.clock.now.advanced(by: configuration.drainTimeout))
        identity?.alarm.wantNoLater(than: stream.due)
        stream.isPaused = false
        giveBack(stream)
        planFlush()
    }

    func abort(_ exchange: Exchange) {
        guard let stream = stream(of: exchange) else { return }
        reset(stream, .cancel)
    }

    func settle(_ stream: HTTP2Stream, _ completion: HTTP2StreamStateMachine.Completion) {
        switch completion {
        case .none: break
        case .over: end(stream)
        case .resetWithoutError: reset(stream, .noError)
        case .cancel: reset(stream, .cancel)
        }
    }

    /// Tells the peer that the stream is over.
    func reset(_ stream: HTTP2Stream, _ code: StreamErrorCode) {
        // First, because writing may report, before it returns, that the stream is closed.
        guard forget(stream) else { return }
        write(.rstStream(code), on: HTTP2StreamID(stream.id))
        planFlush()
        if code != .noError { identity?.owner.noticed(.streamResetSent) }
        streamEnded()
    }

    /// The stream is over on both sides.
    func end(_ stream: HTTP2Stream) {
        if forget(stream) { streamEnded() }
    }

    /// What still comes for the stream concerns nobody. Who forgets it calls `streamEnded` in the end.
    /// - Returns: Whether it was known until now.
    func forget(_ stream: HTTP2Stream) -> Bool {
        guard streams[stream.id] === stream else { return false }
        streams[stream.id] = nil
        return true
    }

    /// A stream that was forgotten is over.
    func streamEnded() {
        let action = machine.streamEnded()
        if machine.openStreams == 0 {
            idleSince = configuration.clock.now
            wantNextAlarm()
        }
        guard let identity else { return }
        switch action {
        case .none: break
        case .release, .close: identity.owner.connectionReleased(identity.connection)
        }
        if action == .close { sayGoodbye(closing ?? .condemned) }
    }

    // MARK: Ending the connection

    func drain() {
        drain(.condemned)
    }

    func drain(_ reason: ConnectionClosing) {
        switch machine.drained() {
        case .none: break
        case .announce:
            closing = closing ?? reason
            identity.map { $0.owner.connectionDraining($0.connection, reason) }
        case .close:
            identity.map { $0.owner.connectionDraining($0.connection, reason) }
            sayGoodbye(reason)
        }
    }

    /// Closes a connection on which nothing is under way.
    private func sayGoodbye(_ reason: ConnectionClosing) {
        write(.goAway(lastStreamID: .rootStream, errorCode: .noError, opaqueData: nil), on: .rootStream)
        flush()
        close(reason)
    }

    func shutDown() {
        for stream in streams.values {
            stream.exchange.fail(.cancelled, origin: .local, message: "the transport was shut down")
        }
        close(.condemned)
    }

    func close(_ reason: ConnectionClosing) {
        closing = closing ?? reason
        context?.close(promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        let protocolError = error as? any NIOHTTP2Error
        if protocolError != nil, !written.hasSaidGoodbye {
            // The stream that the peer broke the protocol on was reset; the others go on.
            let concerned = (error as? NIOHTTP2Errors.StreamError)?.streamID ?? written.lastReset
            if let stream = concerned.flatMap({ streams[Int32($0)] }) { violate(stream, cause: error, isReset: true) }
            return
        }
        lastError = error
        close(protocolError == nil ? .remote : .protocolError)
    }

    func channelInactive(context: ChannelHandlerContext) {
        ended()
        context.fireChannelInactive()
    }

    private func ended() {
        handOver()
        let active = streams
        streams = [:]
        machine.closed()
        let failure = ChannelFailure(lastError, isFirstUse: !machine.isReady, isSecured: isSecured)
        for stream in active.values {
            stream.exchange.fail(
                failure.code,
                origin: .upstream,
                message: failure.message,
                cause: lastError,
                keepsBody: true
            )
        }
        if let identity {
            identity.alarm.cancel()
            self.identity = nil
            if identity.readyAt == nil {
                identity.owner.connectFailed(identity.connection.id, cause: lastError ?? HTTP2Refusal.noSettings)
            } else {
                identity.close(
                    closing ?? .remote,
                    activeRequests: active.count,
                    goodbye: goodbye?.knownName,
                    at: configuration.clock.now
                )
            }
        }
    }

    /// The peer did not greet in time.
    func giveUpConnecting() {
        guard let identity else { return }
        lastError = ChannelError.connectTimeout(TimeAmount(identity.owner.endpoint.connectTimeout))
        close(.remote)
    }
}
