// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import NIOCore
import Synchronization

// MARK: The request's body

extension Exchange {
    /// Begins to produce a streamed body, in a task that the exchange owns and cancels when nobody wants the rest.
    func beginUpload(
        on executor: (any TaskExecutor)?,
        _ produce: @escaping @Sendable (RequestBodyWriter) async throws -> Void
    ) {
        // A task of its own, because a response may come, and be read, while the request is still being sent. The
        // exchange is its owner; `send` awaits it where it fails.
        let producer = Task(executorPreference: executor) { await self.upload(produce) }
        state.withLock { $0.producer = producer }
        // Whatever stopped the upload before may have found no task to cancel.
        if state.withLock({ $0.upload.isStopped }) { producer.cancel() }
    }

    /// Waits until the producer of a streamed body has ended, which was cancelled.
    func uploadEnded() async {
        await state.withLock { $0.producer }?.value
    }

    private func upload(_ produce: @Sendable (RequestBodyWriter) async throws -> Void) async {
        do {
            try await produce(RequestBodyWriter(exchange: self))
        } catch {
            // Whoever stopped the upload is not interested in how it ended.
            guard !state.withLock({ $0.upload.isStopped }) else { return }
            stopUpload()
            fail(keepsBody: false) { _ in error }
            return endWork()
        }
        guard state.withLock({ $0.upload.produced() }) else {
            _ = abortUpload("the body is shorter than its declared length")
            return
        }
        connection?.perform { $0.pump(self) }
    }

    /// Hands a chunk to the connection; returns when it takes the next one.
    func upload(_ chunk: ByteBuffer) async throws {
        guard chunk.readableBytes > 0 else { return }
        try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { (continuation: UnsafeContinuation<Void, any Error>) in
                let (action, failure) = state.withLock { state in
                    let action = state.upload.chunkOffered(chunk)
                    if case .wait = action { state.uploadWaiter = continuation }
                    return (action, state.machine.failure)
                }
                switch action {
                case .wait: connection?.perform { $0.pump(self) }
                case .tooLong:
                    continuation.resume(throwing: abortUpload("the body is longer than its declared length"))
                case .refuse: continuation.resume(throwing: failure ?? CancellationError())
                }
            }
        } onCancel: {
            // A stopped upload is cancelled because the peer refused the body, any other with the caller's task.
            if !state.withLock({ $0.upload.isStopped }) { cancel() }
        }
    }

    /// Nobody wants the rest of the body.
    func stopUpload() {
        let (hadRest, waiter, producer) = state.withLock { ($0.upload.stopped(), $0.uploadWaiter.take(), $0.producer) }
        waiter?.resume(throwing: CancellationError())
        producer?.cancel()
        if hadRest { connection?.perform { $0.cutRequestShort(self) } }
    }

    /// What the connection is to write next. Called on its loop.
    func nextUpload() -> UploadStateMachine.WriteAction {
        state.withLock { $0.upload.writable() }
    }

    /// The connection takes another chunk.
    func uploadAccepted() {
        state.withLock { $0.uploadWaiter.take() }?.resume()
    }

    private func abortUpload(_ message: String) -> MeshError {
        let error = MeshError(.invalidRequest, origin: .downstream, requestState: requestState, message: message)
        fail(keepsBody: false) { _ in error }
        endWork()
        return error
    }
}
