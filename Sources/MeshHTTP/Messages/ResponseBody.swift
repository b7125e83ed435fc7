// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

package import HTTPTypes
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
        case foreign(any ForeignBody)
    }

    let source: Source

    init(bytes: ByteBuffer, trailers: HTTPFields?) {
        self.source = .memory(bytes, trailers: trailers)
    }

    init(exchange: Exchange) {
        self.source = .exchange(exchange)
    }

    init(_ foreign: any ForeignBody) {
        self.source = .foreign(foreign)
    }

    /// How many bytes of it are in memory for as long as it is.
    var heldBytes: Int {
        if case .memory(let bytes, _) = source { bytes.readableBytes } else { 0 }
    }

    var trailers: HTTPFields? {
        switch source {
        case .memory(_, let trailers): trailers
        case .exchange(let exchange): exchange.trailers
        case .foreign(let body): body.trailers
        }
    }

    /// Starts reading.
    public func makeAsyncIterator() -> AsyncIterator {
        switch source {
        case .memory(let bytes, _): AsyncIterator(source: .memory(bytes))
        case .exchange(let exchange): AsyncIterator(source: .exchange(exchange))
        case .foreign(let body): AsyncIterator(source: .foreign(body))
        }
    }

    /// Reads the whole body into memory.
    /// - Parameter limit: The most bytes to accept.
    /// - Throws: `MeshError` with code `responseTooLarge` when the body is larger; what reading throws.
    public func collect(upTo limit: Int) async throws -> ByteBuffer {
        if case .exchange(let exchange) = source { return try await exchange.collect(upTo: limit) }
        var collected = CollectedBody(limit: limit)
        for try await chunk in self { try collected.append(chunk) }
        return collected.bytes
    }

    /// Reads a body chunk by chunk.
    public struct AsyncIterator: AsyncIteratorProtocol {
        enum Source {
            case memory(ByteBuffer)
            case exchange(Exchange)
            case foreign(any ForeignBody)
            case ended
        }

        private var source: Source

        init(source: Source) {
            self.source = source
        }

        /// The next chunk; `nil` at the end.
        /// - Throws: `MeshError`: the connection broke, the deadline passed, the task was cancelled.
        public mutating func next(isolation actor: isolated (any Actor)? = #isolation) async throws -> ByteBuffer? {
            switch source {
            case .exchange(let exchange): return try await exchange.nextChunk()
            case .foreign(let body): return try await body.nextChunk()
            case .memory(let bytes):
                source = .ended
                return bytes.readableBytes > 0 ? bytes : nil
            case .ended: return nil
            }
        }

        /// The next chunk; `nil` at the end.
        /// - Throws: `MeshError`: the connection broke, the deadline passed, the task was cancelled.
        public mutating func next() async throws -> ByteBuffer? {
            try await next(isolation: #isolation)
        }
    }
}

/// The body of a response that another transport than ours received.
package protocol ForeignBody: AnyObject, Sendable {
    /// The next chunk; `nil` at the end. Called by one task at a time.
    func nextChunk() async throws -> ByteBuffer?
    /// The fields behind the body, once its end was read.
    var trailers: HTTPFields? { get }
}

/// A body that is put together in one buffer.
struct CollectedBody {
    let limit: Int
    private var whole: ByteBuffer?

    init(limit: Int) {
        self.limit = limit
    }

    var bytes: ByteBuffer { whole ?? ByteBuffer() }

    mutating func append(_ chunk: ByteBuffer) throws(MeshError) {
        guard (whole?.readableBytes ?? 0) + chunk.readableBytes <= limit else {
            throw MeshError(
                .responseTooLarge,
                origin: .local,
                requestState: .answered,
                message: "the response has more than \(limit) bytes"
            )
        }
        // Most bodies arrive in one chunk, which is handed on without a copy.
        var chunk = chunk
        if whole == nil { whole = chunk } else { whole?.writeBuffer(&chunk) }
    }
}
