// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import CMeshZlib
import GRPCCore
import NIOCore

/// Unfolds one compressed message after the other, each as a whole.
///
/// Unchecked, because zlib's state stands behind a pointer: whoever has taken an inflater out of its `ZlibPool` has it alone.
final class Inflater: @unchecked Sendable {
    /// On the heap: zlib knows its own address.
    private let stream: UnsafeMutablePointer<z_stream>

    /// - Throws: `RPCError` with code `resourceExhausted` without the memory for it, some 40 KiB.
    init(_ encoding: MessageEncoding) throws(RPCError) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let code = inflateInit2_(
            stream,
            encoding.windowBits,
            ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size)
        )
        guard code == Z_OK else {
            throw RPCError(code: .resourceExhausted, message: "a message cannot be unfolded: zlib says \(code)")
        }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    /// Unfolds a message.
    /// - Parameter limit: The most bytes that it may have; no more than one beyond them is ever unfolded.
    /// - Throws: `RPCError` with code `resourceExhausted` for a message that has more; `internalError` for bytes that are
    ///   none, that end too early or go on behind it.
    func inflate(_ message: ByteBuffer, limit: Int) throws(RPCError) -> ByteBuffer {
        defer {
            stream.pointee.next_in = nil
            stream.pointee.next_out = nil
            inflateReset(stream)
        }
        let room = min(limit, Int(UInt32.max) - 1) + 1
        var inflated = ByteBufferAllocator().buffer(capacity: min(max(message.readableBytes * 4, 256), room))
        let code = message.withUnsafeReadableBytes { input in
            // It only reads them, whatever its type says.
            stream.pointee.next_in = UnsafeMutablePointer(
                mutating: input.baseAddress?.assumingMemoryBound(to: Bytef.self)
            )
            stream.pointee.avail_in = UInt32(input.count)
            var code = Z_OK
            while code == Z_OK, inflated.readableBytes < room {
                let left = room - inflated.readableBytes
                let next = min(max(inflated.readableBytes, 256), left)
                inflated.writeWithUnsafeMutableBytes(minimumWritableBytes: next) { output in
                    let size = min(output.count, left)
                    stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: Bytef.self)
                    stream.pointee.avail_out = UInt32(size)
                    code = CMeshZlib.inflate(stream, Z_NO_FLUSH)
                    return size - Int(stream.pointee.avail_out)
                }
            }
            return code
        }
        guard inflated.readableBytes <= limit else {
            throw RPCError(
                code: .resourceExhausted,
                message: "a compressed message has more than the \(limit) bytes that are accepted"
            )
        }
        switch code {
        case Z_STREAM_END where stream.pointee.avail_in == 0: return inflated
        case Z_STREAM_END: throw Self.malformed("goes on behind its end")
        // Without any more to read it makes no progress.
        case Z_BUF_ERROR: throw Self.malformed("ends too early")
        default: throw Self.malformed("cannot be read (\(code))")
        }
    }

    private static func malformed(_ problem: String) -> RPCError {
        RPCError(code: .internalError, message: "a compressed message \(problem)")
    }
}
