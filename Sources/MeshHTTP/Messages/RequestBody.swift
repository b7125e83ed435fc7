// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import NIOCore

/// What a request carries.
public struct RequestBody: Sendable {
    /// What a body is made of.
    package enum Content: Sendable {
        /// Nothing.
        case none
        /// Bytes in memory.
        case bytes(ByteBuffer)
        /// Whatever the closure writes.
        case stream(@Sendable (RequestBodyWriter) async throws -> Void)
        /// Whatever its keeper has, and still gets.
        case kept(any KeptBody)
    }

    /// What the body is made of.
    package let content: Content
    private let isRepeatable: Bool
    /// Whether the body can be sent again, which retries need. Of a body that is kept this changes while it is sent.
    public var isReplayable: Bool {
        if case .kept(let kept) = content { kept.isReplayable } else { isRepeatable }
    }

    /// What writes a body that is not in memory as a whole; `nil` for one that is.
    package var producer: (@Sendable (RequestBodyWriter) async throws -> Void)? {
        switch content {
        case .none, .bytes: nil
        case .stream(let produce): produce
        case .kept(let kept): { try await kept.write(to: $0) }
        }
    }

    /// Whether there is anything to send behind the head.
    var hasContent: Bool {
        switch content {
        case .none: false
        case .bytes(let bytes): bytes.readableBytes > 0
        case .stream, .kept: true
        }
    }

    /// How many bytes it has, if they are in memory.
    var heldBytes: Int? {
        switch content {
        case .none: 0
        case .bytes(let bytes): bytes.readableBytes
        case .stream, .kept: nil
        }
    }

    private init(_ content: Content, isReplayable: Bool) {
        self.content = content
        self.isRepeatable = isReplayable
    }

    /// No body.
    public static let none = RequestBody(.none, isReplayable: true)

    /// A body that is held in memory, and so can be sent again.
    public static func bytes(_ bytes: ByteBuffer) -> RequestBody {
        RequestBody(.bytes(bytes), isReplayable: true)
    }

    /// A text in UTF-8.
    public static func text(_ text: String) -> RequestBody {
        .bytes(ByteBuffer(string: text))
    }

    /// A body that is produced while it is sent, as fast as the peer takes it.
    ///
    /// With a `content-length` field in the head the body is sent under that length, and a sequence of any other length
    /// fails the request; without one it is chunked. The sequence is read in a child task of the caller's, which is
    /// cancelled when the request fails or the peer refuses the body.
    /// - Parameters:
    ///   - sequence: The chunks.
    ///   - isReplayable: Whether the sequence can be iterated again, from its beginning, for a retry.
    public static func stream<Chunks: AsyncSequence & Sendable>(
        _ sequence: Chunks,
        isReplayable: Bool = false
    ) -> RequestBody where Chunks.Element == ByteBuffer {
        RequestBody(
            .stream { writer in
                for try await chunk in sequence { try await writer.write(chunk) }
            },
            isReplayable: isReplayable
        )
    }

    /// A body that is kept as it comes.
    package static func kept(_ body: any KeptBody) -> RequestBody {
        RequestBody(.kept(body), isReplayable: false)
    }

    /// A body that `produce` writes, as fast as the peer takes it.
    /// - Parameters:
    ///   - isReplayable: Whether `produce` can be called again, for a retry.
    ///   - produce: Writes the body and returns at its end.
    public static func written(
        isReplayable: Bool = false,
        by produce: @escaping @Sendable (RequestBodyWriter) async throws -> Void
    ) -> RequestBody {
        RequestBody(.stream(produce), isReplayable: isReplayable)
    }
}

/// A body that somebody keeps as it comes, so that another attempt can send it from its beginning.
package protocol KeptBody: AnyObject, Sendable {
    /// Whether an attempt that begins now would find all of it.
    var isReplayable: Bool { get }
    /// Writes it from its beginning, and returns at its end. Called once an attempt; attempts may run at the same time.
    func write(to writer: RequestBodyWriter) async throws
}

/// Where a streamed body goes.
public struct RequestBodyWriter: Sendable {
    private enum Sink: Sendable {
        case exchange(Exchange)
        case closure(@Sendable (ByteBuffer) async throws -> Void)
    }

    private let sink: Sink

    init(exchange: Exchange) {
        self.sink = .exchange(exchange)
    }

    /// Creates a writer for a transport of another kind.
    /// - Parameter write: Takes a chunk, and returns when it takes the next one.
    package init(_ write: @escaping @Sendable (ByteBuffer) async throws -> Void) {
        self.sink = .closure(write)
    }

    /// Sends a chunk; returns when the connection takes the next one.
    /// - Throws: `MeshError` when the exchange has failed, `CancellationError` when nobody wants the rest of the body.
    public func write(_ chunk: ByteBuffer) async throws {
        switch sink {
        case .exchange(let exchange): try await exchange.upload(chunk)
        case .closure(let write): try await write(chunk)
        }
    }
}
