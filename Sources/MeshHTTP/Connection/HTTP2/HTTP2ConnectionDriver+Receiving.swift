// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore
import NIOCore
import NIOHPACK
import NIOHTTP2

extension HTTP2ConnectionDriver {
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        isReading = true
        keepalive.somethingArrived()
        let frame = unwrapInboundIn(data)
        switch frame.payload {
        case .headers(let headers): receive(headers.headers, isEnd: headers.endStream, on: frame.streamID)
        case .data(let data): receive(data, on: frame.streamID)
        case .rstStream(let code): streamReset(frame.streamID, code)
        case .goAway(let last, let code, _): goodbyeReceived(last, code)
        case .settings(.settings(let settings)): settingsReceived(settings)
        case .settings(.ack), .ping, .windowUpdate, .priority, .pushPromise, .alternativeService, .origin: break
        }
    }

    // MARK: The response

    private func receive(_ headers: HPACKHeaders, isEnd: Bool, on id: HTTP2StreamID) {
        guard let stream = streams[Int32(id)] else { return }
        guard headers.count <= configuration.headerFieldLimit else {
            return violate(stream, "more header fields than \(configuration.headerFieldLimit)")
        }
        let status = headers.responseStatus
        switch stream.machine.headersReceived(status: status, length: headers.bodyLength, isEnd: isEnd) {
        case .interim: if status == 100 { continueRequest(stream) }
        case .flood: violate(stream, "a flood of interim responses")
        case .discard: touch(stream)
        case .violation: violate(stream, "a header block that has no place there")
        case .trailers:
            stream.delivery.isEnd = true
            stream.delivery.trailers = HTTPFields(headers)
            touch(stream)
        case .head:
            guard let status, 200...999 ~= status else { return violate(stream, "a bad status") }
            stream.delivery.head = HTTPResponse(status: status, headers)
            stream.delivery.isEnd = isEnd
            headArrived(on: stream)
            touch(stream)
        }
    }

    /// From now on only the request's own deadline counts, and a body that was held back is not wanted.
    private func headArrived(on stream: HTTP2Stream) {
        stream.deadline = stream.exchange.deadline
        guard stream.continueBy != nil else { return }
        stream.continueBy = nil
        _ = stream.machine.requestCutShort()
    }

    private func receive(_ data: HTTP2Frame.FramePayload.Data, on id: HTTP2StreamID) {
        guard let stream = streams[Int32(id)], case .byteBuffer(let bytes) = data.data else { return }
        stream.owed += bytes.readableBytes + (data.paddingBytes.map { $0 + 1 } ?? 0)
        switch stream.machine.dataReceived(bytes.readableBytes, isEnd: data.endStream) {
        case .forward:
            if bytes.readableBytes > 0 { stream.delivery.body.append(bytes) }
            stream.delivery.isEnd = data.endStream
            touch(stream)
        case .discard: touch(stream)
        case .violation: violate(stream, "a body that has no place there")
        case .cancel: reset(stream, .cancel)
        }
    }

    private func touch(_ stream: HTTP2Stream) {
        guard !stream.isTouched else { return }
        stream.isTouched = true
        touched.append(stream)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        handOver()
        isReading = false
        flush()
        context.fireChannelReadComplete()
    }

    /// Hands over what was collected, stream by stream. Streams that are over go back first: their callers may want the
    /// room again at once.
    func handOver() {
        while let stream = touched.popLast() {
            stream.isTouched = false
            var collected = ExchangeStateMachine.Delivery()
            swap(&collected, &stream.delivery)
            settle(stream, stream.machine.readCompleted())
            if !collected.isEmpty { stream.isPaused = !stream.exchange.receive(collected, peerCloses: false) }
            if !stream.isPaused { giveBack(stream) }
        }
    }

    // MARK: Flow control

    func resumeReading(_ exchange: Exchange) {
        guard let stream = stream(of: exchange) else { return }
        stream.isPaused = false
        giveBack(stream)
        planFlush()
    }

    /// Lets the peer send as much as was taken, in pieces that are worth a frame.
    func giveBack(_ stream: HTTP2Stream) {
        guard !stream.machine.isResponseReceived, stream.owed * 2 >= configuration.streamWindow else { return }
        guard streams[stream.id] === stream else { return }
        write(.windowUpdate(windowSizeIncrement: stream.owed), on: HTTP2StreamID(stream.id))
        stream.owed = 0
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case let event as NIOHTTP2WindowUpdatedEvent where event.streamID == .rootStream:
            // The connection's room is given back whoever reads or does not: one slow reader must not hold up all others,
            // and each of them is bounded by its own stream's.
            let target = min(configuration.connectionWindow, Int(Int32.max))
            guard let room = event.inboundWindowSize, room <= target / 2, machine.isReady else { return }
            write(.windowUpdate(windowSizeIncrement: target - room), on: .rootStream)
            planFlush()
        case let event as StreamClosedEvent: streamClosed(event)
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    // MARK: The end of streams

    /// The protocol's implementation has closed a stream. Those that ended properly, or were reset by either side, are
    /// known here already.
    private func streamClosed(_ event: StreamClosedEvent) {
        guard event.reason != nil, let stream = streams[Int32(event.streamID)], !stream.machine.isResponseReceived
        else { return }
        let code = event.reason?.name ?? ""
        violate(stream, "what the protocol does not allow (\(code))", isReset: true)
    }

    private func streamReset(_ id: HTTP2StreamID, _ code: StreamErrorCode) {
        guard let stream = streams[Int32(id)], forget(stream) else { return }
        // What came before it in the same read may have been a complete response.
        if stream.isTouched { handOver() }
        // With its last stream a draining connection is gone, and knows its owner no more.
        let owner = identity?.owner
        owner?.noticed(.streamResetReceived)
        streamEnded()
        guard !stream.machine.isResponseReceived else { return }
        if code == .refusedStream { return giveUp(stream.exchange, to: owner, because: "the peer refused the stream") }
        stream.exchange.fail(
            .connectionClosed,
            origin: .upstream,
            message: "the peer reset the stream with \(code.name)",
            cause: StreamReset(code: UInt32(clamping: code.networkCode)),
            keepsBody: true
        )
    }

    /// The peer takes no more streams, and has not looked at those beyond the last that it names (RFC 9113 §6.8).
    private func goodbyeReceived(_ last: HTTP2StreamID, _ code: StreamErrorCode) {
        goodbye = goodbye ?? code
        drain(.peerAnnounced)
        let owner = identity?.owner
        let unseen = streams.values.filter { $0.id > Int32(last) }.sorted { $0.id < $1.id }
        for stream in unseen {
            end(stream)
            giveUp(stream.exchange, to: owner, because: "the peer closes the connection with \(code.name)")
        }
    }

    /// The peer has not looked at a request: another connection will do, unless that goes on for ever.
    private func giveUp(_ exchange: Exchange, to owner: (any ConnectionOwner)?, because reason: String) {
        if exchange.returned(), let owner { return owner.resubmit(exchange) }
        exchange.fail(.connectionClosed, origin: .upstream, message: "\(reason), and has not looked at the request")
    }

    private func violate(_ stream: HTTP2Stream, _ what: String, isReset: Bool = false) {
        fail(stream, "the peer sent \(what)", cause: nil, isReset: isReset)
    }

    /// - Parameter isReset: Whether the peer was told already.
    func violate(_ stream: HTTP2Stream, cause: any Error, isReset: Bool) {
        fail(stream, "the peer broke the protocol", cause: cause, isReset: isReset)
    }

    private func fail(_ stream: HTTP2Stream, _ message: String, cause: (any Error)?, isReset: Bool) {
        guard forget(stream) else { return }
        if stream.isTouched { handOver() }
        if !isReset {
            write(.rstStream(.protocolError), on: HTTP2StreamID(stream.id))
            planFlush()
            identity?.owner.noticed(.streamResetSent)
        }
        streamEnded()
        stream.exchange.fail(.protocolViolation, origin: .upstream, message: message, cause: cause, keepsBody: true)
    }
}
