// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import NIOCore
import NIOHPACK
import NIOHTTP1
import NIOHTTP2
import ServiceMesh

/// The end of a pipeline where requests become calls of the handler: an HTTP/1.1 connection, one request at a time, or
/// one stream of HTTP/2.
final class InboundExchangeDriver: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// Who watches over the time between requests.
    enum Patience {
        /// The connection's own, which this is the end of.
        case own(ConnectionPatience)
        /// That of the connection whose stream this is; with the first request it hands over to HTTP/2's own watch.
        case ofConnection(ConnectionPatience)

        func headReceived() {
            switch self {
            case .own(let patience): patience.headReceived()
            case .ofConnection(let patience): patience.handOver()
            }
        }

        func responseEnded() {
            if case .own(let patience) = self { patience.responseEnded() }
        }
    }

    let eventLoop: any EventLoop
    private let serving: InboundServing
    private let patience: Patience
    private let isSecure: Bool
    private var context: ChannelHandlerContext?
    private var current: InboundExchange?
    private var isReadHeld = false
    private var isClosing = false

    init(_ serving: InboundServing, patience: Patience, isSecure: Bool, eventLoop: any EventLoop) {
        self.serving = serving
        self.patience = patience
        self.isSecure = isSecure
        self.eventLoop = eventLoop
    }

    private var isStream: Bool {
        if case .ofConnection = patience { true } else { false }
    }

    // MARK: Events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        current?.cut(.callerLeft)
        current = nil
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isClosing || current != nil else { return }
        switch unwrapInboundIn(data) {
        case .head(let head): begin(head, context)
        case .body(let chunk): current?.received(chunk)
        case .end(let trailers): current?.ended(trailers: trailers.map { HTTPFields(trailers: $0) } ?? [:])
        }
    }

    /// Reads on only while there is room for what comes.
    func read(context: ChannelHandlerContext) {
        if current?.body.wantsMore ?? true {
            context.read()
        } else {
            isReadHeld = true
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        current?.writabilityChanged(isWritable: context.channel.isWritable)
        context.fireChannelWritabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        current?.cut(.callerLeft)
        current = nil
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // The caller broke the protocol, reset the stream or is gone; handlers in front have answered what can be.
        isClosing = true
        context.close(promise: nil)
    }

    private func begin(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        guard current == nil, !isClosing else { return }
        patience.headReceived()
        let exchange = InboundExchange(
            head,
            driver: self,
            highWatermark: serving.configuration.bodyHighWatermark,
            stallTimeout: serving.configuration.stallTimeout
        )
        current = exchange
        guard head.headers.count <= serving.configuration.maximumHeaderCount else {
            return exchange.answer(InboundResponse(status: .requestHeaderFieldsTooLarge))
        }
        guard let request = ReceivedHead(head, isSecure: isSecure) else {
            return exchange.answer(InboundResponse(status: .badRequest))
        }
        let reference = ExchangeReference(exchange, on: eventLoop)
        let channel = context.channel
        // The exchange owns the task: it cancels it when nobody waits any more, and every task ends its request's
        // record. Unstructured, because a child cannot be cancelled from an event of the connection.
        let task = Task(executorPreference: serving.executors.executor(of: eventLoop)) { [serving] in
            await serving.serve(reference, request, channel)
        }
        exchange.began(task)
    }

    // MARK: What an exchange asks for

    var isWritable: Bool { context?.channel.isWritable ?? true }

    /// Whether answers tell the caller to go elsewhere.
    var wantsToClose: Bool { serving.drain.isDraining }

    func write(_ part: HTTPServerResponsePart, flushes: Bool) {
        guard let context else { return }
        if flushes {
            context.writeAndFlush(wrapOutboundOut(part), promise: nil)
        } else {
            context.write(wrapOutboundOut(part), promise: nil)
        }
    }

    func flush() {
        context?.flush()
    }

    func writeEnd(_ trailers: HTTPHeaders?, _ promise: EventLoopPromise<Void>) {
        guard let context else { return promise.fail(ChannelError.ioOnClosedChannel) }
        sayGoodbye(context)
        context.writeAndFlush(wrapOutboundOut(.end(trailers)), promise: promise)
    }

    /// Writes a response that is a head and nothing else: one frame, where HTTP/2 ends the stream with it.
    func writeOnly(_ head: HTTPResponseHead, _ promise: EventLoopPromise<Void>) {
        guard let context, isStream, let codec = Self.codec(of: context) else {
            write(.head(head), flushes: false)
            return writeEnd(nil, promise)
        }
        sayGoodbye(context)
        var headers = HPACKHeaders([(":status", String(head.status.code))])
        for (name, value) in head.headers { headers.add(name: name.lowercased(), value: value) }
        let frame = HTTP2Frame.FramePayload.headers(.init(headers: headers, endStream: true))
        codec.writeAndFlush(NIOAny(frame), promise: promise)
    }

    private static func codec(of context: ChannelHandlerContext) -> ChannelHandlerContext? {
        try? context.pipeline.syncOperations.context(handlerType: HTTP2FramePayloadToHTTP1ServerCodec.self)
    }

    /// HTTP/2's `connection: close`: GOAWAY, after which the streams that are open finish.
    private func sayGoodbye(_ context: ChannelHandlerContext) {
        guard isStream, wantsToClose, let connection = context.channel.parent else { return }
        connection.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
    }

    func resumeReading() {
        guard isReadHeld else { return }
        isReadHeld = false
        context?.read()
    }

    /// The exchange is over, and the connection takes the next request.
    func free(_ exchange: InboundExchange) {
        guard current === exchange else { return }
        current = nil
        guard !isClosing else {
            context?.close(promise: nil)
            return
        }
        patience.responseEnded()
        resumeReading()
    }

    /// Closes the connection after its last response.
    /// - Parameter lingering: The caller still sends. Closing at once would reset the connection, and the response that
    ///   is on its way might be lost with it: first only our half is closed, and the exchange's alarm closes the rest.
    func close(lingering: Bool) {
        isClosing = true
        if lingering {
            context?.close(mode: .output, promise: nil)
            resumeReading()
        } else {
            context?.close(promise: nil)
        }
    }

    /// Ends a connection, or resets a stream, whose response is incomplete.
    func abort(_ code: NIOHTTP2.HTTP2ErrorCode) {
        isClosing = true
        guard let context else { return }
        if isStream, let codec = Self.codec(of: context), context.channel.isActive {
            codec.writeAndFlush(NIOAny(HTTP2Frame.FramePayload.rstStream(code)), promise: nil)
        } else {
            context.close(promise: nil)
        }
    }
}
