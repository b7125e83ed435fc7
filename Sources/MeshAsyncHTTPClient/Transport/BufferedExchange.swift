// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import AsyncHTTPClient
import HTTPTypes
import MeshCore
import MeshHTTP
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A request whose body is in memory, on AsyncHTTPClient's delegate interface.
///
/// Not on its `async` one: that has no deadline for the body and no way to end a read but the reader's cancellation, so
/// that each chunk would need a task for the deadline to run beside. Here a deadline fails the exchange from outside.
final class BufferedExchange: HTTPClientResponseDelegate, ClientExchange {
    typealias Transfer = HTTPClient.Task<Void>

    private struct State {
        var machine: BufferedExchangeStateMachine
        var task: Transfer?
        var headWaiter: UnsafeContinuation<HTTPResponse, any Error>?
        var chunkWaiter: UnsafeContinuation<ByteBuffer?, any Error>?
        var peerPause: EventLoopPromise<Void>?
        var timer: Scheduled<Void>?
    }

    private let drainTimeout: TimeAmount
    private let state: Mutex<State>

    private init(_ configuration: AsyncHTTPClientTransport.Configuration) {
        self.drainTimeout = TimeAmount(configuration.drainTimeout)
        self.state = Mutex(
            State(
                machine: BufferedExchangeStateMachine(
                    bufferLimit: configuration.bodyBufferLimit,
                    drainLimit: configuration.drainLimit
                )
            )
        )
    }

    /// Sends a request and returns at the response's head.
    static func open(
        _ request: HTTPClient.Request,
        on client: HTTPClient,
        timing: ExchangeTiming,
        configuration: AsyncHTTPClientTransport.Configuration
    ) async throws -> OpenedExchange {
        let exchange = BufferedExchange(configuration)
        let head = try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { continuation in
                let action = exchange.state.withLock { state in
                    let action = state.machine.headAwaited()
                    if case .wait = action { state.headWaiter = continuation }
                    return action
                }
                switch action {
                case .wait: exchange.submit(request, to: client, timing)
                case .fail(let error): continuation.resume(throwing: error)
                }
            }
        } onCancel: {
            exchange.cancel()
        }
        return OpenedExchange(head: head, exchange: exchange)
    }

    private func submit(_ request: HTTPClient.Request, to client: HTTPClient, _ timing: ExchangeTiming) {
        // On a loop, where AsyncHTTPClient's timer and this one cost no wake-up each: from another thread every one of
        // these steps would be a system call, and a switch of threads.
        let loop = Self.loop(of: client)
        guard !loop.inEventLoop else { return submit(request, to: client, timing, on: loop) }
        loop.execute { self.submit(request, to: client, timing, on: loop) }
    }

    private func submit(
        _ request: HTTPClient.Request,
        to client: HTTPClient,
        _ timing: ExchangeTiming,
        on loop: any EventLoop
    ) {
        // The caller may have gone while this was on its way to the loop.
        guard state.withLock({ $0.machine.isOpening }) else { return }
        let task = client.execute(
            request: request,
            delegate: self,
            eventLoop: .delegate(on: loop),
            deadline: timing.loopDeadline
        )
        // Not the delegate's call for errors, which some of them do not make.
        task.futureResult.whenFailure { self.failed($0) }
        let timer = timing.headLoopDeadline.map { deadline in
            task.eventLoop.scheduleTask(deadline: deadline) {
                self.end(with: MeshError(HTTPClientError.deadlineExceeded, isHeadSent: true))
            }
        }
        let (isOpening, isFailed) = state.withLock { state in
            state.task = task
            if state.machine.isOpening { state.timer = timer }
            return (state.machine.isOpening, state.machine.isFailed)
        }
        if !isOpening { timer?.cancel() }
        // It was cancelled before there was a task to cancel.
        if isFailed { task.cancel() }
    }

    /// The caller's own loop, if it is one of the client's.
    private static func loop(of client: HTTPClient) -> any EventLoop {
        if let own = MultiThreadedEventLoopGroup.currentEventLoop,
            client.eventLoopGroup.makeIterator().contains(where: { $0 === own })
        {
            return own
        }
        return client.eventLoopGroup.next()
    }

    // MARK: The reader's side

    func nextChunk() async throws -> ByteBuffer? {
        // Without a continuation where a chunk is at hand, which is the common case.
        if let result = try take() { return result.chunk }
        return try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { continuation in
                let (action, pause) = state.withLock { state in
                    let action = state.machine.chunkAwaited()
                    if case .wait = action { state.chunkWaiter = continuation }
                    return (action, action.resumesPeer ? state.peerPause.take() : nil)
                }
                pause?.succeed()
                switch action {
                case .wait: break
                case .chunk(let chunk, _): continuation.resume(returning: chunk)
                case .end: continuation.resume(returning: nil)
                case .fail(let error): continuation.resume(throwing: error)
                }
            }
        } onCancel: {
            cancel()
        }
    }

    /// What can be had without waiting; `nil` if nothing can.
    private func take() throws -> (chunk: ByteBuffer?, Void)? {
        let (action, pause) = state.withLock { state in
            let action = state.machine.chunkAtHand()
            return (action, action.resumesPeer ? state.peerPause.take() : nil)
        }
        pause?.succeed()
        switch action {
        case .wait: return nil
        case .chunk(let chunk, _): return (chunk, ())
        case .end: return (nil, ())
        case .fail(let error): throw error
        }
    }

    func finish() {
        let (action, task, pause) = state.withLock { state in
            let action = state.machine.finished()
            return (action, state.task, state.peerPause.take())
        }
        pause?.succeed()
        switch action {
        case .none: break
        case .abandon: task?.cancel()
        case .drain:
            guard let task else { return }
            let timer = task.eventLoop.scheduleTask(in: drainTimeout) { task.cancel() }
            let isOver = state.withLock { state in
                state.timer = timer
                return state.machine.isOver
            }
            if isOver { timer.cancel() }
        }
    }

    private func cancel() {
        end(with: MeshError(CancellationError(), isHeadSent: true))
    }

    /// Fails the exchange from this side.
    private func end(with error: MeshError) {
        fail(error)
        state.withLock { $0.task }?.cancel()
    }

    private func fail(_ error: MeshError) {
        let (headWaiter, chunkWaiter, pause, timer) = state.withLock { state in
            var late = error
            late.requestState = .answered
            let isNews = state.machine.failed(state.machine.isOpening ? error : late)
            return (
                isNews ? state.headWaiter.take() : nil, isNews ? state.chunkWaiter.take() : nil,
                state.peerPause.take(), state.timer.take()
            )
        }
        timer?.cancel()
        pause?.succeed()
        headWaiter?.resume(throwing: error)
        if let chunkWaiter {
            var error = error
            error.requestState = .answered
            chunkWaiter.resume(throwing: error)
        }
    }

    // MARK: AsyncHTTPClient's side

    func didSendRequestHead(task: Transfer, _ head: HTTPRequestHead) {
        state.withLock { $0.machine.headSent() }
    }

    func didReceiveHead(task: Transfer, _ head: HTTPResponseHead) -> EventLoopFuture<Void> {
        guard let response = HTTPResponse(status: head.status, headers: head.headers) else {
            let error = MeshError(.protocolViolation, origin: .upstream, message: "the peer's status is none")
            fail(error)
            return task.eventLoop.makeFailedFuture(error)
        }
        let (waiter, timer) = state.withLock { state in
            (state.machine.headReceived() ? state.headWaiter.take() : nil, state.timer.take())
        }
        timer?.cancel()
        waiter?.resume(returning: response)
        return task.eventLoop.makeSucceededVoidFuture()
    }

    func didReceiveBodyPart(task: Transfer, _ buffer: ByteBuffer) -> EventLoopFuture<Void> {
        let (action, waiter, pause) = state.withLock { state in
            let action = state.machine.chunkReceived(buffer)
            if action == .keepAndPause { state.peerPause = task.eventLoop.makePromise() }
            return (action, action == .hand ? state.chunkWaiter.take() : nil, state.peerPause)
        }
        switch action {
        case .hand: waiter?.resume(returning: buffer)
        case .keepAndPause: return pause?.futureResult ?? task.eventLoop.makeSucceededVoidFuture()
        case .keep, .discard: break
        case .abandon: return task.eventLoop.makeFailedFuture(HTTPClientError.cancelled)
        }
        return task.eventLoop.makeSucceededVoidFuture()
    }

    func didFinishRequest(task: Transfer) throws {
        let (waiter, timer) = state.withLock { state in
            (state.machine.ended() ? state.chunkWaiter.take() : nil, state.timer.take())
        }
        timer?.cancel()
        waiter?.resume(returning: nil)
    }

    private func failed(_ error: any Error) {
        fail(MeshError(error, isHeadSent: state.withLock { $0.machine.isHeadSent }))
    }
}

extension BufferedExchangeStateMachine.ChunkAction {
    fileprivate var resumesPeer: Bool {
        if case .chunk(_, let resumes) = self { resumes } else { false }
    }
}
