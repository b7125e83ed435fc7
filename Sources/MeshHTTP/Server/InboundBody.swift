// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import HTTPTypes
import MeshCore
public import NIOCore

/// The body of a request that a server received: chunks in the order and at the speed in which they are read.
///
/// It can be iterated once, by one task. A reader that pauses makes the caller pause: no more than a bounded number of
/// bytes is held here. The first read asks a caller that waits with `expect: 100-continue` for the body.
public struct InboundBody: AsyncSequence, Sendable {
    /// A chunk.
    public typealias Element = ByteBuffer
    /// What reading throws.
    public typealias Failure = any Error

    let exchange: ExchangeReference

    /// Starts reading.
    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(exchange: exchange)
    }

    /// The fields behind the body, once its end was read; empty without any.
    public func trailers() async -> HTTPFields {
        await exchange.trailers()
    }

    /// Reads the whole body into memory.
    /// - Parameter limit: The most bytes to accept.
    /// - Throws: `MeshError` with code `invalidRequest` and a 413 when the body is larger; what reading throws.
    public func collect(upTo limit: Int) async throws -> ByteBuffer {
        var whole: ByteBuffer?
        for try await var chunk in self {
            let count = (whole?.readableBytes ?? 0) + chunk.readableBytes
            guard count <= limit else {
                let message = "the body has more than \(limit) bytes"
                throw MeshError(
                    .invalidRequest,
                    origin: .downstream,
                    message: message,
                    localReply: LocalReply(status: 413, body: message)
                )
            }
            // Most bodies arrive in one chunk, which is handed on without a copy.
            if whole == nil { whole = chunk } else { whole?.writeBuffer(&chunk) }
        }
        return whole ?? ByteBuffer()
    }

    /// Reads a body chunk by chunk.
    public struct AsyncIterator: AsyncIteratorProtocol {
        let exchange: ExchangeReference

        /// The next chunk; `nil` at the end.
        /// - Throws: `MeshError`: the caller left, stalled, or its deadline passed; `CancellationError`.
        public mutating func next(isolation actor: isolated (any Actor)? = #isolation) async throws -> ByteBuffer? {
            try await exchange.nextChunk()
        }

        /// The next chunk; `nil` at the end.
        /// - Throws: `MeshError`: the caller left, stalled, or its deadline passed; `CancellationError`.
        public mutating func next() async throws -> ByteBuffer? {
            try await exchange.nextChunk()
        }
    }
}
