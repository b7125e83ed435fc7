// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore
import NIOCore
import NIOHTTP1
import Synchronization

/// The way of a handler, on whatever thread, to its exchange, which lives on an event loop.
///
/// On the loop nothing hops.
struct ExchangeReference: Sendable {
    /// Tells a wait that is being registered that it was cancelled meanwhile.
    private final class Cancellation: Sendable {
        let isRequested = Atomic<Bool>(false)
    }

    let loop: any EventLoop
    private let exchange: NIOLoopBound<InboundExchange>

    /// Must be called on the loop.
    init(_ exchange: InboundExchange, on loop: any EventLoop) {
        self.loop = loop
        self.exchange = NIOLoopBound(exchange, eventLoop: loop)
    }

    /// Why the exchange was cut, if it was, and whether that was before its answer.
    func cut() async -> InboundExchangeStateMachine.Cut? {
        await query { $0.machine.cut }
    }

    func trailers() async -> HTTPFields {
        await query { $0.body.trailers ?? [:] }
    }

    func limit(to timeLeft: Nanoseconds) {
        perform { $0.limit(to: timeLeft) }
    }

    func nextChunk() async throws -> ByteBuffer? {
        if loop.inEventLoop, let chunk = try exchange.value.takeChunk() { return chunk }
        return try await waiting {
            $0.awaitChunk($1)
        } onCancel: {
            $0.stopReading()
        }
    }

    /// Whether the caller speaks gRPC.
    func isGRPC() async -> Bool {
        await query { $0.isGRPC }
    }

    /// Writes the head of a response whose body follows; with `isHeld` it goes out with what comes behind it.
    func start(_ head: HTTPResponse, isHeld: Bool) async throws {
        if loop.inEventLoop { return try exchange.value.start(head, length: nil, isStreamed: !isHeld, isHeld: isHeld) }
        try await waiting { (exchange, continuation: UnsafeContinuation<Void, any Error>) in
            continuation.resume(
                with: Result { try exchange.start(head, length: nil, isStreamed: !isHeld, isHeld: isHeld) }
            )
        } onCancel: { _ in
        }
    }

    /// Writes a chunk; on the loop it costs no hop while the connection takes more.
    func write(_ chunk: ByteBuffer, flushing: InboundExchange.Flushing) async throws {
        if loop.inEventLoop {
            try Task.checkCancellation()
            if try exchange.value.put(chunk, flushing: flushing) { return }
            return try await waiting {
                $0.wait($1)
            } onCancel: {
                $0.stopWriting()
            }
        }
        try await waiting { (exchange, continuation: UnsafeContinuation<Void, any Error>) in
            do {
                if try exchange.put(chunk, flushing: flushing) { return continuation.resume() }
            } catch {
                return continuation.resume(throwing: error)
            }
            exchange.wait(continuation)
        } onCancel: {
            $0.stopWriting()
        }
    }

    /// Sends what was written so far.
    func flush() {
        perform { $0.flush() }
    }

    /// Ends a response whose head was written; returns when it has gone to the wire.
    func end(_ trailers: HTTPFields?) async throws {
        try await waiting {
            $0.end(trailers, then: $1)
        } onCancel: { _ in
        }
    }

    /// Ends the connection or the stream of a response that is incomplete.
    func abort() {
        perform { $0.abort() }
    }

    func write(_ chunk: ByteBuffer) async throws {
        try await waiting {
            $0.write(chunk, then: $1)
        } onCancel: {
            $0.stopWriting()
        }
    }

    /// Sends a response; returns when it has gone to the wire.
    func send(_ response: InboundResponse) async throws {
        switch response.body.content {
        case .bytes(let bytes):
            try await waiting { (exchange, continuation: UnsafeContinuation<Void, any Error>) in
                do {
                    try exchange.start(response.head, length: bytes.readableBytes)
                } catch {
                    return continuation.resume(throwing: error)
                }
                exchange.send(bytes, then: continuation)
            } onCancel: { _ in
            }
        case .nothing:
            try await waiting {
                $0.answer(response.head, then: $1)
            } onCancel: { _ in
            }
        case .stream(let length, let produce):
            let isHead = try await startStream(response.head, length: length)
            do {
                let trailers = isHead ? nil : try await produce(InboundResponseWriter(exchange: self))
                try await waiting {
                    $0.end(trailers, then: $1)
                } onCancel: { _ in
                }
            } catch {
                perform { $0.abort() }
                throw error
            }
        }
    }

    private func startStream(_ head: HTTPResponse, length: Int?) async throws -> Bool {
        try await waiting { exchange, continuation in
            continuation.resume(
                with: Result {
                    try exchange.start(head, length: length, isStreamed: true)
                    return exchange.method == .HEAD
                }
            )
        } onCancel: { _ in
        }
    }

    private func perform(_ action: @escaping @Sendable (InboundExchange) -> Void) {
        if loop.inEventLoop {
            action(exchange.value)
        } else {
            loop.execute { [exchange] in action(exchange.value) }
        }
    }

    private func query<Value: Sendable>(_ value: @escaping @Sendable (InboundExchange) -> Value) async -> Value {
        if loop.inEventLoop { return value(exchange.value) }
        return await withUnsafeContinuation { continuation in
            perform { continuation.resume(returning: value($0)) }
        }
    }

    private func waiting<Value: Sendable>(
        _ body: @escaping @Sendable (InboundExchange, UnsafeContinuation<Value, any Error>) -> Void,
        onCancel: @escaping @Sendable (InboundExchange) -> Void
    ) async throws -> Value {
        let cancellation = Cancellation()
        return try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { continuation in
                perform { exchange in
                    // Both this and the cancellation run on the loop: whichever comes second sees the other.
                    guard !cancellation.isRequested.load(ordering: .relaxed) else {
                        return continuation.resume(throwing: CancellationError())
                    }
                    body(exchange, continuation)
                }
            }
        } onCancel: {
            cancellation.isRequested.store(true, ordering: .relaxed)
            perform(onCancel)
        }
    }
}
