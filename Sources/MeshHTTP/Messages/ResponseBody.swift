// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore
public import NIOCore

/// A response's body: chunks in the order and at the speed in which they are read.
///
/// It can be iterated once, by one task. A reader that pauses makes the peer pause: no more than a bounded number of
/// bytes is held here. Reading fails after the exchange was finished.
public struct ResponseBody: AsyncSequence, Sendable {
    /// A chunk.
    public typealias Element = ByteBuffer
    /// What reading throws: `MeshError`.
    public typealias Failure = any Error

    enum Source: Sendable {
        case memory(ByteBuffer, trailers: HTTPFields?)
        case exchange(Exchange)
    }

    let source: Source

    init(bytes: ByteBuffer, trailers: HTTPFields?) {
        self.source = .memory(bytes, trailers: trailers)
    }

    init(exchange: Exchange) {
        self.source = .exchange(exchange)
    }

    var trailers: HTTPFields? {
        switch source {
        case .memory(_, let trailers): trailers
        case .exchange(let exchange): exchange.trailers
        }
    }

    /// Starts reading.
    public func makeAsyncIterator() -> AsyncIterator {
        switch source {
        case .memory(let bytes, _): AsyncIterator(bytes: bytes, exchange: nil)
        case .exchange(let exchange): AsyncIterator(bytes: ByteBuffer(), exchange: exchange)
        }
    }

    /// Reads the whole body into memory.
    /// - Parameter limit: The most bytes to accept.
    /// - Throws: `MeshError` with code `responseTooLarge` when the body is larger; what reading throws.
    public func collect(upTo limit: Int) async throws -> ByteBuffer {
        var whole: ByteBuffer?
        for try await var chunk in self {
            let count = (whole?.readableBytes ?? 0) + chunk.readableBytes
            guard count <= limit else {
                throw MeshError(
                    .responseTooLarge,
                    origin: .local,
                    requestState: .answered,
                    message: "the response has more than \(limit) bytes"
                )
            }
            // Most bodies arrive in one chunk, which is handed on without a copy.
            if whole == nil { whole = chunk } else { whole?.writeBuffer(&chunk) }
        }
        return whole ?? ByteBuffer()
    }

    /// Reads a body chunk by chunk.
    public struct AsyncIterator: AsyncIteratorProtocol {
        private var bytes: ByteBuffer
        private let exchange: Exchange?

        init(bytes: ByteBuffer, exchange: Exchange?) {
            self.bytes = bytes
            self.exchange = exchange
        }

        /// The next chunk; `nil` at the end.
        /// - Throws: `MeshError`: the connection broke, the deadline passed, the task was cancelled.
        public mutating func next(isolation actor: isolated (any Actor)? = #isolation) async throws -> ByteBuffer? {
            if let exchange { return try await exchange.nextChunk() }
            guard bytes.readableBytes > 0 else { return nil }
            defer { bytes.clear() }
            return bytes
        }

        /// The next chunk; `nil` at the end.
        /// - Throws: `MeshError`: the connection broke, the deadline passed, the task was cancelled.
        public mutating func next() async throws -> ByteBuffer? {
            try await next(isolation: #isolation)
        }
    }
}
