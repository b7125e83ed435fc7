// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import NIOCore

/// The bytes that bodies are made of: the one at position `n` is `n % 251`, so that a piece that is lost, doubled or
/// out of place shows in the checksum, and a script in any language makes the same bytes in a line.
enum BytePattern {
    /// A prime, so that no buffer of a power of two hides a shift.
    private static let period = 251

    /// A stretch of whole periods that every shorter piece is cut from.
    private static let block: ByteBuffer = {
        var buffer = ByteBufferAllocator().buffer(capacity: 1024 * period)
        let one = (0..<period).map { UInt8($0) }
        for _ in 0..<1024 { buffer.writeBytes(one) }
        return buffer
    }()

    /// The bytes from a position on.
    static func bytes(at position: Int, count: Int) -> ByteBuffer {
        let offset = position % period
        if offset + count <= block.readableBytes, let slice = block.getSlice(at: offset, length: count) { return slice }
        var whole = ByteBufferAllocator().buffer(capacity: count)
        while whole.readableBytes < count {
            let at = (position + whole.readableBytes) % period
            let length = min(count - whole.readableBytes, block.readableBytes - at)
            whole.writeImmutableBuffer(block.getSlice(at: at, length: length) ?? ByteBuffer())
        }
        return whole
    }
}
