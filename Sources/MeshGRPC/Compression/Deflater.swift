// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import CMeshZlib
import GRPCCore
import NIOCore

/// Compresses one message after the other, each as a whole.
///
/// Unchecked, because zlib's state stands behind a pointer: whoever has taken a deflater out of its `ZlibPool` has it alone.
final class Deflater: @unchecked Sendable {
    /// On the heap: zlib knows its own address.
    private let stream: UnsafeMutablePointer<z_stream>

    /// - Throws: `RPCError` with code `resourceExhausted` without the memory for it, some 260 KiB.
    init(_ encoding: MessageEncoding) throws(RPCError) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let level = (window: encoding.windowBits, memory: Int32(8))
        let code = deflateInit2_(
            stream,
            Z_DEFAULT_COMPRESSION,
            Z_DEFLATED,
            level.window,
            level.memory,
            Z_DEFAULT_STRATEGY,
            ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size)
        )
        guard code == Z_OK else {
            throw RPCError(code: .resourceExhausted, message: "a message cannot be compressed: zlib says \(code)")
        }
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    /// Compresses a message.
    /// - Returns: The bytes, with the room for a prefix before them; `nil` if they would not be fewer.
    func compress(_ message: ByteBuffer) -> ByteBuffer? {
        let length = message.readableBytes
        guard length > 0, length <= Int(UInt32.max) else { return nil }
        var compressed = ByteBufferAllocator().buffer(capacity: MessageFraming.prefixLength + length)
        compressed.moveWriterIndex(to: MessageFraming.prefixLength)
        compressed.moveReaderIndex(to: MessageFraming.prefixLength)
        defer {
            stream.pointee.next_in = nil
            stream.pointee.next_out = nil
            deflateReset(stream)
        }
        let isWhole = message.withUnsafeReadableBytes { input in
            // It only reads them, whatever its type says.
            stream.pointee.next_in = UnsafeMutablePointer(
                mutating: input.baseAddress?.assumingMemoryBound(to: Bytef.self)
            )
            stream.pointee.avail_in = UInt32(length)
            var isWhole = false
            compressed.writeWithUnsafeMutableBytes(minimumWritableBytes: length) { output in
                stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: Bytef.self)
                stream.pointee.avail_out = UInt32(length - 1)
                isWhole = deflate(stream, Z_FINISH) == Z_STREAM_END
                return length - 1 - Int(stream.pointee.avail_out)
            }
            return isWhole
        }
        guard isWhole else { return nil }
        // It is kept for further attempts, and counted by its bytes: it must not hold the room of what it was.
        guard compressed.readableBytes * 2 < length else { return compressed }
        var fitting = ByteBufferAllocator().buffer(capacity: MessageFraming.prefixLength + compressed.readableBytes)
        fitting.moveWriterIndex(to: MessageFraming.prefixLength)
        fitting.moveReaderIndex(to: MessageFraming.prefixLength)
        fitting.writeBuffer(&compressed)
        return fitting
    }
}
