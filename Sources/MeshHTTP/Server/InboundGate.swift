// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
public import MeshCore
import MeshSecurity
public import NIOCore
public import NIOHTTP1
public import ServiceMesh

/// The mesh in front of a server's own channel handlers, for servers that are written on SwiftNIO itself.
///
/// It stands right before the handler that answers requests, and speaks NIOHTTP1's parts: on an HTTP/1.1 connection
/// behind `configureHTTPServerPipeline()`, whose help with pipelining it needs; on a stream of HTTP/2 behind
/// `HTTP2FramePayloadToHTTP1ServerCodec`:
/// ```swift
/// try channel.pipeline.syncOperations.configureHTTPServerPipeline()
/// try channel.pipeline.syncOperations.addHandler(InboundGate(stack, executors: executors))
/// try channel.pipeline.syncOperations.addHandler(MyOwnHandler())
/// ```
/// A request is held back until the mesh has admitted it, and answered here if it is not. The handler behind gets an
/// `Admitted` event before the request's head, and a `Cancelled` one if the request's deadline passes before its answer;
/// what it writes after that is thrown away. The record ends with the response's end.
public final class InboundGate: ChannelDuplexHandler, RemovableChannelHandler {
    /// What comes in.
    public typealias InboundIn = HTTPServerRequestPart
    /// What goes on to the handler behind.
    public typealias InboundOut = HTTPServerRequestPart
    /// What the handler behind writes.
    public typealias OutboundIn = HTTPServerResponsePart
    /// What goes out.
    public typealias OutboundOut = HTTPServerResponsePart

    /// The inbound event before the head of a request that may be served.
    public struct Admitted: Sendable {
        /// Bind it around outbound calls (`InboundContext.$current.withValue`), so that they inherit trace and deadline.
        public let context: InboundContext
    }

    /// The inbound event that tells the handler behind to stop: the request is answered already.
    public struct Cancelled: Sendable {
        /// Why.
        public let error: MeshError
    }

    private enum State {
        case idle
        /// The mesh has not decided yet; so much of the request has come in.
        case held(CircularBuffer<HTTPServerRequestPart>)
        case passing
        /// Answered here: what else comes of the request, and of the handler's response, is thrown away.
        case answered
    }

    /// One request, from its head to the end of its response.
    private struct Exchange {
        var head: HTTPRequestHead
        var call: CallContext?
        var peer: String?
        var status = 0
        var isRequestEnded = false
        var isResponseEnded = false
        var isHandlerBehind = false
    }

    private let stack: InboundStack
    private let executors: EventLoopExecutors?
    private let peerIdentity: (@Sendable (any Channel) async -> String?)?
    private var context: ChannelHandlerContext?
    private var state = State.idle
    private var exchange: Exchange?
    private var alarm: LoopAlarm?
    private var isReadHeld = false

    /// Creates the handler of one connection or stream.
    /// - Parameters:
    ///   - stack: What the mesh does before and after the handler.
    ///   - executors: Those of the server's event loops; `nil` decides on other threads, which costs two hops a request.
    ///   - peerIdentity: Asks a request's channel who is on the other side (`WorkloadIdentity.peerIdentity(of:)`).
    public init(
        _ stack: InboundStack,
        executors: EventLoopExecutors? = nil,
        peerIdentity: (@Sendable (any Channel) async -> String?)? = nil
    ) {
        self.stack = stack
        self.executors = executors
        self.peerIdentity = peerIdentity
    }

    // MARK: Inbound

    /// Keeps its place in the pipeline.
    public func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    /// Ends the record of what is under way.
    public func handlerRemoved(context: ChannelHandlerContext) {
        end(CancellationError())
        self.context = nil
    }

    /// Ends the record of what is under way.
    public func channelInactive(context: ChannelHandlerContext) {
        end(CancellationError())
        context.fireChannelInactive()
    }

    /// Holds a request back until it is admitted.
    public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        if case .end = part { exchange?.isRequestEnded = true }
        switch (state, part) {
        case (.idle, .head(let head)): begin(head, part, context)
        case (.held(var parts), _):
            parts.append(part)
            state = .held(parts)
        case (.answered, .end): finishIfDone()
        case (.answered, _): break
        case (.idle, _), (.passing, _): context.fireChannelRead(data)
        }
    }

    /// Reads nothing more while a request is held back.
    public func read(context: ChannelHandlerContext) {
        if case .held = state { isReadHeld = true } else { context.read() }
    }

    private func begin(_ head: HTTPRequestHead, _ part: HTTPServerRequestPart, _ context: ChannelHandlerContext) {
        exchange = Exchange(head: head)
        guard let request = ReceivedHead(head, isSecure: false) else {
            return answer(LocalReply(status: 400, body: "bad request"))
        }
        if let reply = stack.healthReply(to: request) { return answer(reply) }
        guard !stack.isDisabled else {
            state = .passing
            exchange?.isHandlerBehind = true
            context.fireChannelRead(wrapInboundOut(part))
            return
        }
        state = .held([part])
        let loop = context.eventLoop
        let (gate, channel) = (NIOLoopBound(self, eventLoop: loop), context.channel)
        let (stack, peerIdentity) = (stack, peerIdentity)
        // Owned by the request that is held: admission always ends, and its verdict frees or answers the request.
        _ = Task(executorPreference: executors?.executor(of: loop)) {
            let certificate = await ConnectionPeer.certificate(of: channel)
            let connection =
                if let peerIdentity {
                    AuthorizationPeer(of: channel, identity: await peerIdentity(channel), certificate: certificate)
                } else {
                    AuthorizationPeer(of: channel, certificate: certificate)
                }
            let peer = connection.identity
            var call = stack.begin(request)
            var refusal: (any Error)?
            var admitted = request
            do {
                try await stack.admit(&admitted, peer: connection, context: &call)
            } catch {
                refusal = error
            }
            let verdict = (call: call, peer: peer, refusal: refusal, edits: HeadEdits(from: request, to: admitted))
            loop.execute { gate.value.decided(verdict.call, verdict.peer, verdict.refusal, verdict.edits) }
        }
    }

    private func decided(_ call: CallContext, _ peer: String?, _ refusal: (any Error)?, _ edits: HeadEdits) {
        guard case .held(let parts) = state, let context, exchange != nil else {
            // The caller has left meanwhile.
            stack.end(call, status: 499, peerIdentity: peer, error: CancellationError())
            return
        }
        exchange?.call = call
        exchange?.peer = peer
        if let refusal {
            let reply = (refusal as? MeshError)?.localReply ?? LocalReply(status: 500)
            exchange?.status = reply.status
            answer(reply, error: refusal)
        } else {
            state = .passing
            exchange?.isHandlerBehind = true
            if let timeLeft = stack.timeLeft(call) {
                alarm = LoopAlarm(context.eventLoop) { [weak self] in self?.deadlinePassed() }
                alarm?.set(in: timeLeft)
            }
            let inbound = InboundContext(trace: call.trace, deadline: call.deadline, peerIdentity: peer)
            context.fireUserInboundEventTriggered(Admitted(context: inbound))
            for part in parts { context.fireChannelRead(wrapInboundOut(edits.applied(to: part))) }
            context.fireChannelReadComplete()
        }
        if isReadHeld {
            isReadHeld = false
            context.read()
        }
    }

    private func deadlinePassed() {
        guard let exchange, let context, !exchange.isResponseEnded else { return }
        let error = InboundStack.deadlineExceeded
        guard exchange.status == 0, let reply = error.localReply else {
            // The answer has begun: only the connection's end says that it is incomplete.
            end(error)
            context.fireUserInboundEventTriggered(Cancelled(error: error))
            return context.close(promise: nil)
        }
        answer(reply, error: error)
        context.fireUserInboundEventTriggered(Cancelled(error: error))
    }

    // MARK: Outbound

    /// Notes the response's status and its end; throws away what comes after the mesh's own answer.
    public func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let part = unwrapOutboundIn(data)
        if case .answered = state {
            promise?.succeed()
            if case .end = part {
                exchange?.isHandlerBehind = false
                finishIfDone()
            }
            return
        }
        switch part {
        case .head(var head) where head.status.code >= 200:
            exchange?.status = Int(head.status.code)
            tellToLeave(&head, context)
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .end:
            let promise = promise ?? context.eventLoop.makePromise()
            let ended = exchange
            // The next request may come in while the end is being written.
            exchange = nil
            state = .idle
            alarm?.cancel()
            promise.futureResult.assumeIsolated().whenComplete { [stack] result in
                guard let ended, let call = ended.call else { return }
                let error: (any Error)? = if case .failure(let error) = result { error } else { nil }
                stack.end(call, status: ended.status, peerIdentity: ended.peer, error: error)
            }
            context.write(data, promise: promise)
        case .head, .body: context.write(data, promise: promise)
        }
    }

    /// Asks the caller to come back on another connection, while the server is on its way out.
    private func tellToLeave(_ head: inout HTTPResponseHead, _ context: ChannelHandlerContext) {
        guard stack.drain.isDraining else { return }
        if let connection = context.channel.parent, connection.parent != nil {
            connection.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        } else {
            head.headers.replaceOrAdd(name: "connection", value: "close")
        }
    }

    /// Answers in place of the handler behind.
    private func answer(_ reply: LocalReply, error: (any Error)? = nil) {
        guard let context, let exchange else { return }
        state = .answered
        alarm?.cancel()
        // The handler behind still believes that it answers: on a connection, no other request may come before it is done.
        let isLast = exchange.isHandlerBehind
        let response = InboundResponse(localReply: reply)
        var head = ServerResponseHead(
            response.head,
            length: reply.body.utf8.count,
            method: exchange.head.method,
            version: exchange.head.version,
            closes: isLast
        ).head
        tellToLeave(&head, context)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if exchange.head.method != .HEAD, !reply.body.isEmpty {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: reply.body)))), promise: nil)
        }
        self.exchange?.isResponseEnded = true
        if let call = exchange.call {
            stack.end(call, status: reply.status, peerIdentity: exchange.peer, error: error)
            self.exchange?.call = nil
        }
        finishIfDone()
        let promise = context.eventLoop.makePromise(of: Void.self)
        if isLast { promise.futureResult.assumeIsolated().whenComplete { _ in context.close(promise: nil) } }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: promise)
    }

    /// After an answer of the mesh's: the next request may come when this one has, and the handler is done with it.
    private func finishIfDone() {
        guard case .answered = state, let exchange, exchange.isRequestEnded, !exchange.isHandlerBehind else { return }
        state = .idle
        self.exchange = nil
    }

    private func end(_ error: any Error) {
        alarm?.cancel()
        alarm = nil
        defer {
            exchange = nil
            state = .idle
        }
        guard let exchange, let call = exchange.call, !exchange.isResponseEnded else { return }
        let status = exchange.status == 0 ? MeshError.Code.cancelled.httpStatus : exchange.status
        stack.end(call, status: status, peerIdentity: exchange.peer, error: error)
    }
}
