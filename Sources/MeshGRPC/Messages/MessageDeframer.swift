// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

package import GRPCCore
package import NIOCore

/// Cuts a body into its messages.
///
/// A message that came in one piece is a slice of what was read; one that came in several is put together in a buffer of its
/// own, so that each byte is copied once at most. Holds one message and one chunk.
package struct MessageDeframer: Sendable {
    /// What was read and not handed out.
    private var chunk: ByteBuffer?
    /// The beginning of a message whose rest was not read yet, with its prefix.
    private var begun: ByteBuffer?
    private let maximumMessageBytes: Int
    /// What unfolds messages that are compressed; `nil` where none may be.
    var coder: MessageCoder?
    /// The bytes of all messages that were handed out, as they came, without their prefixes.
    package private(set) var receivedBytes: UInt64 = 0

    /// - Parameter maximumMessageBytes: The largest message to accept.
    package init(maximumMessageBytes: Int = MessageFraming.defaultMaximumMessageBytes) {
        self.maximumMessageBytes = maximumMessageBytes
    }

    /// Whether nothing is left of a message that began: what a body may end with.
    package var isAtBoundary: Bool { begun == nil && (chunk?.readableBytes ?? 0) == 0 }

    /// Takes what was read. Ask `next` for messages until it has none, before the next chunk is given.
    package mutating func append(_ next: ByteBuffer) {
        guard next.readableBytes > 0 else { return }
        if var rest = chunk.take(), rest.readableBytes > 0 {
            rest.writeImmutableBuffer(next)
            chunk = rest
        } else {
            chunk = next
        }
    }

    /// The next message; `nil` until more was read.
    /// - Throws: `RPCError`: `resourceExhausted` for a message that is too large, known before its bytes have come;
    ///   `internalError` for one that is compressed though its head did not say so, for one that cannot be unfolded, and for
    ///   a prefix that is none.
    package mutating func next() throws(RPCError) -> RPCBytes? {
        if begun != nil { return try completed() }
        guard let readable = chunk?.readableBytes, readable > 0 else { return nil }
        guard let size = try messageSize(chunk?.peek(at: 0), chunk?.peek(at: 1)), size <= readable
        else { return try begin() }
        guard var message = chunk?.readSlice(length: size) else { return nil }
        // What was read is kept alive only as long as its messages are.
        if readable == size { chunk = nil }
        return try content(of: &message)
    }

    /// The chunk ends within a message: its beginning waits for the rest in a buffer that has room for it.
    private mutating func begin() throws(RPCError) -> RPCBytes? {
        guard let rest = chunk.take() else { return nil }
        let size = try messageSize(rest.peek(at: 0), rest.peek(at: 1)) ?? MessageFraming.prefixLength
        var buffer = ByteBufferAllocator().buffer(capacity: size)
        buffer.writeImmutableBuffer(rest)
        begun = buffer
        return nil
    }

    /// The message that has begun, if all of it is here.
    private mutating func completed() throws(RPCError) -> RPCBytes? {
        take(upTo: MessageFraming.prefixLength)
        // Without another reference to the buffer, which would have it copied when it is written to.
        guard let size = try messageSize(begun?.peek(at: 0), begun?.peek(at: 1)) else { return nil }
        begun?.reserveCapacity(size)
        take(upTo: size)
        guard var message = begun, message.readableBytes == size else { return nil }
        begun = nil
        return try content(of: &message)
    }

    /// A whole message without its prefix, unfolded if it is compressed.
    private mutating func content(of message: inout ByteBuffer) throws(RPCError) -> RPCBytes {
        let isCompressed: UInt8? = message.peek(at: 0)
        message.moveReaderIndex(forwardBy: MessageFraming.prefixLength)
        receivedBytes += UInt64(message.readableBytes)
        guard isCompressed == 1, let coder else { return RPCBytes(message) }
        return try coder.inflated(message, limit: maximumMessageBytes)
    }

    /// Moves bytes from the chunk behind the message that has begun, until that one has so many.
    private mutating func take(upTo size: Int) {
        guard let known = begun?.readableBytes, known < size, let readable = chunk?.readableBytes else { return }
        guard let bytes = chunk?.readSlice(length: min(readable, size - known)) else { return }
        begun?.writeImmutableBuffer(bytes)
        if chunk?.readableBytes == 0 { chunk = nil }
    }

    /// The size of a message with its prefix; `nil` while that has not come.
    private func messageSize(_ compression: UInt8?, _ length: UInt32?) throws(RPCError) -> Int? {
        guard let compression, let length else { return nil }
        guard compression == 0 || compression == 1 && coder != nil else {
            throw RPCError(
                code: .internalError,
                message: compression == 1
                    ? "a message is compressed, which was not agreed on"
                    : "a message begins with a byte that is no flag"
            )
        }
        guard length <= maximumMessageBytes else {
            throw RPCError(
                code: .resourceExhausted,
                message: "a message has \(length) bytes, more than the \(maximumMessageBytes) that are accepted"
            )
        }
        return Int(length) + MessageFraming.prefixLength
    }
}

extension ByteBuffer {
    /// An integer that stands so many bytes behind the first readable one.
    fileprivate func peek<Integer: FixedWidthInteger>(at offset: Int) -> Integer? {
        getInteger(at: readerIndex + offset)
    }
}
