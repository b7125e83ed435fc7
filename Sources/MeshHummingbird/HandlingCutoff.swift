// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshHTTP
import NIOCore
import ServiceMesh
import Synchronization

/// Ends the handling of one request before its time: when the caller's deadline passes, or the caller leaves.
///
/// Hummingbird runs all requests of a connection in one task, which must not be cancelled. So what is handled runs as a
/// child of it, which ends with the scope that it was begun in.
final class HandlingCutoff: Sendable {
    private struct State {
        var error: MeshError?
        var waiter: CheckedContinuation<Void, Never>?
        var isDone = false
        var timer: Scheduled<Void>?
    }

    private let channel: any Channel
    private let executor: EventLoopTaskExecutor?
    private let state = Mutex(State())

    /// - Parameter executor: Where what is handled runs: on the channel's event loop.
    init(_ channel: any Channel, executor: EventLoopTaskExecutor?) {
        self.channel = channel
        self.executor = executor
    }

    /// Why the handling was cut off, if it was.
    var error: MeshError? { state.withLock { $0.error } }

    /// Begins to look at the clock and at the caller. What was cut off already stays so.
    func watch(timeLeft: Nanoseconds?) async {
        if channel.eventLoop.inEventLoop {
            watchOnLoop(timeLeft)
        } else {
            try? await channel.eventLoop.submit { self.watchOnLoop(timeLeft) }.get()
        }
    }

    /// The request is over.
    func release() {
        let timer = state.withLock { $0.timer.take() }
        timer?.cancel()
        guard channel.eventLoop.inEventLoop else {
            channel.eventLoop.execute { self.releaseOnLoop() }
            return
        }
        releaseOnLoop()
    }

    /// Asks the caller of a stream to come back on another connection: HTTP/2's `connection: close`.
    ///
    /// After the response, because Hummingbird closes streams that are between their parts when it hears of it.
    func sendCallerAway() {
        guard let connection = channel.parent, connection.parent != nil else { return }
        connection.eventLoop.execute {
            connection.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        }
    }

    /// Runs an operation as a child task that is cancelled with the cut-off.
    /// - Throws: The reason of the cut-off, once the operation has come to its end; what the operation throws.
    @concurrent
    func run<Result: Sendable>(_ operation: () async throws -> Result) async throws -> Result {
        try await withoutActuallyEscaping(operation) { operation in
            try await run(borrowing: BorrowedOperation(run: operation))
        }
    }

    private func run<Result: Sendable>(borrowing borrowed: BorrowedOperation<Result>) async throws -> Result {
        state.withLock { $0.isDone = false }
        async let result = {
            defer { self.done() }
            return try await withTaskExecutorPreference(self.executor) { try await borrowed.run() }
        }()
        await untilDoneOrCut()
        // Leaving the scope cancels the child and waits for it. What is done is done: a caller may well leave when it has
        // read the last byte, before this task hears that it was written.
        if let error, !state.withLock({ $0.isDone }) { throw error }
        return try await result
    }

    private func cut(_ error: MeshError) {
        let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard state.error == nil else { return nil }
            state.error = error
            return state.waiter.take()
        }
        waiter?.resume()
    }

    private func done() {
        state.withLock { state -> CheckedContinuation<Void, Never>? in
            state.isDone = true
            return state.waiter.take()
        }?.resume()
    }

    private func untilDoneOrCut() async {
        await withCheckedContinuation { continuation in
            let waits = state.withLock { state in
                guard !state.isDone, state.error == nil else { return false }
                state.waiter = continuation
                return true
            }
            if !waits { continuation.resume() }
        }
    }

    private func watchOnLoop(_ timeLeft: Nanoseconds?) {
        let left = MeshError(.cancelled, origin: .downstream, message: "the caller has left")
        guard channel.isActive else { return cut(left) }
        CallerPresence.of(channel)?.hasLeft = { [weak self] in self?.cut(left) }
        guard let timeLeft else { return }
        let timer = channel.eventLoop.scheduleTask(in: .nanoseconds(Int64(clamping: timeLeft.rawValue))) {
            [weak self] () -> Void in self?.cut(InboundStack.deadlineExceeded)
        }
        state.withLock { $0.timer = timer }
    }

    private func releaseOnLoop() {
        guard channel.isActive else { return }
        CallerPresence.of(channel)?.hasLeft = nil
    }
}

/// An operation on loan to a child task.
///
/// Unchecked, because the child is the only one to call it, and has ended before its lender goes on.
private struct BorrowedOperation<Result>: @unchecked Sendable {
    let run: () async throws -> Result
}
