// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

package import GRPCCore
package import NIOCore

/// Cuts a body into its messages.
///
/// A message that came in one piece is a slice of what was read; one that came in several is put together in one buffer,
/// which is made when its length is known, so that each byte is copied once at most. Holds one message and one chunk.
package struct MessageDeframer: Sendable {
    /// What has come and was not handed out.
    private var waiting: ByteBuffer?
    /// Whether `waiting` was made here, for a message of several pieces, and so may be written to.
    private var isOwn = false
    private let maximumMessageBytes: Int

    /// - Parameter maximumMessageBytes: The largest message to accept.
    package init(maximumMessageBytes: Int = MessageFraming.defaultMaximumMessageBytes) {
        self.maximumMessageBytes = maximumMessageBytes
    }

    /// Whether nothing is left of a message that began: what a body may end with.
    package var isAtBoundary: Bool { (waiting?.readableBytes ?? 0) == 0 }

    /// Takes what was read. Ask `next` for messages until it has none, before the next chunk is given.
    package mutating func append(_ chunk: ByteBuffer) {
        guard chunk.readableBytes > 0 else { return }
        guard var known = waiting.take(), known.readableBytes > 0 else {
            waiting = chunk
            isOwn = false
            return
        }
        if !isOwn {
            let capacity = Self.capacity(for: known, and: chunk, maximumMessageBytes)
            var whole = ByteBufferAllocator().buffer(capacity: capacity)
            whole.writeImmutableBuffer(known)
            known = whole
            isOwn = true
        }
        known.writeImmutableBuffer(chunk)
        waiting = known
    }

    /// The next message; `nil` until more was read.
    /// - Throws: `RPCError`: `resourceExhausted` for a message that is too large, known before its bytes have come;
    ///   `internalError` for one that is compressed, which nobody has asked for, and for a prefix that is none.
    package mutating func next() throws(RPCError) -> RPCBytes? {
        guard let compression: UInt8 = waiting?.peek(at: 0), let length: UInt32 = waiting?.peek(at: 1) else {
            return nil
        }
        guard compression == 0 else {
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
        let size = Int(length) + MessageFraming.prefixLength
        guard var message = waiting?.readSlice(length: size) else { return nil }
        message.moveReaderIndex(forwardBy: MessageFraming.prefixLength)
        // What was read is kept alive only as long as its messages are.
        if waiting?.readableBytes == 0 {
            waiting = nil
            isOwn = false
        }
        return RPCBytes(message)
    }

    /// Room for the message that has begun, if its length is known, and for what came at least.
    private static func capacity(for known: ByteBuffer, and chunk: ByteBuffer, _ limit: Int) -> Int {
        let count = known.readableBytes + chunk.readableBytes
        guard let length: UInt32 = known.peek(at: 1) else { return count }
        return max(count, min(Int(length), limit) + MessageFraming.prefixLength)
    }
}

extension ByteBuffer {
    /// An integer that stands so many bytes behind the first readable one.
    fileprivate func peek<Integer: FixedWidthInteger>(at offset: Int) -> Integer? {
        getInteger(at: readerIndex + offset)
    }
}
