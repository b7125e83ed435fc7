// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshHTTP
import NIOCore
import Synchronization

/// The body of a request on its way from its producer, which writes, to AsyncHTTPClient, which reads a sequence.
final class UploadPipe: AsyncSequence, Sendable {
    typealias Element = ByteBuffer

    private struct State {
        var machine = UploadPipeStateMachine()
        var failure: (any Error)?
        var producer: UnsafeContinuation<Void, any Error>?
        var reader: UnsafeContinuation<ByteBuffer?, any Error>?
        var onlooker: UnsafeContinuation<Void, any Error>?
    }

    private let state = Mutex(State())

    /// Whether AsyncHTTPClient has asked for the body, which it does when it has sent the head.
    var isStarted: Bool { state.withLock { $0.machine.isStarted } }

    /// Runs a producer to its end.
    func fill(by produce: @Sendable (RequestBodyWriter) async throws -> Void) async {
        do {
            try await produce(RequestBodyWriter { try await self.write($0) })
            end()
        } catch {
            fail(error)
        }
    }

    /// Hands over a chunk; returns when AsyncHTTPClient has taken it, which it does when it has room for it.
    private func write(_ chunk: ByteBuffer) async throws {
        guard chunk.readableBytes > 0 else { return }
        try await withUnsafeThrowingContinuation { (continuation: UnsafeContinuation<Void, any Error>) in
            let (action, reader) = state.withLock { state in
                let action = state.machine.offered(chunk)
                if action == .wait { state.producer = continuation }
                return (action, action == .hand ? state.reader.take() : nil)
            }
            switch action {
            case .wait: break
            case .hand:
                reader?.resume(returning: chunk)
                continuation.resume()
            case .refuse: continuation.resume(throwing: CancellationError())
            }
        }
    }

    private func end() {
        let (reader, onlooker) = state.withLock { state in
            (state.machine.ended() ? state.reader.take() : nil, state.onlooker.take())
        }
        reader?.resume(returning: nil)
        onlooker?.resume()
    }

    /// The producer broke off; once the peer wants no more, that is what it was asked to do, and AsyncHTTPClient, which
    /// may still read, must not fail the answered request for it.
    private func fail(_ error: any Error) {
        let isToldOn = state.withLock { $0.machine.failed() }
        if isToldOn { close(error) }
    }

    /// The peer wants no more: the producer is told, AsyncHTTPClient waits until `close`.
    func stop() {
        let (producer, onlooker) = state.withLock { state in
            state.machine.stopped()
            return (state.producer.take(), state.onlooker.take())
        }
        producer?.resume(throwing: CancellationError())
        onlooker?.resume()
    }

    /// Nothing goes on any more: whoever waits is told.
    /// - Parameter error: What AsyncHTTPClient is told.
    /// - Returns: The first error that it was told.
    @discardableResult
    func close(_ error: any Error) -> any Error {
        let (first, producer, reader, onlooker) = state.withLock { state in
            state.machine.closed()
            state.failure = state.failure ?? error
            return (state.failure ?? error, state.producer.take(), state.reader.take(), state.onlooker.take())
        }
        producer?.resume(throwing: CancellationError())
        reader?.resume(throwing: first)
        onlooker?.resume(throwing: first)
        return first
    }

    /// Waits until the producer is done, or nobody wants its body any more.
    /// - Throws: What the pipe was closed with.
    func waitForEnd() async throws {
        try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { (continuation: UnsafeContinuation<Void, any Error>) in
                let (isOver, failure) = state.withLock { state in
                    if !state.machine.isOver { state.onlooker = continuation }
                    return (state.machine.isOver, state.machine.isComplete ? nil : state.failure)
                }
                guard isOver else { return }
                if let failure { continuation.resume(throwing: failure) } else { continuation.resume() }
            }
        } onCancel: {
            close(CancellationError())
        }
    }

    private func next() async throws -> ByteBuffer? {
        try await withUnsafeThrowingContinuation { continuation in
            let (action, producer, failure) = state.withLock { state in
                let action = state.machine.awaited()
                if action == .wait { state.reader = continuation }
                return (action, state.producer.take(), state.failure)
            }
            producer?.resume()
            switch action {
            case .wait: break
            case .chunk(let chunk): continuation.resume(returning: chunk)
            case .end: continuation.resume(returning: nil)
            case .fail: continuation.resume(throwing: failure ?? CancellationError())
            }
        }
    }

    func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(ticket: Ticket(self))
    }

    struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate let ticket: Ticket

        func next() async throws -> ByteBuffer? {
            try await ticket.pipe.next()
        }
    }

    /// Lives as long as AsyncHTTPClient reads: where writing to the connection fails, it just drops its iterator, and
    /// reading the response tells why.
    fileprivate final class Ticket: Sendable {
        let pipe: UploadPipe

        init(_ pipe: UploadPipe) {
            self.pipe = pipe
        }

        deinit {
            pipe.stop()
        }
    }
}
