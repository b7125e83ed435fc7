// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import NIOCore

/// Finds the heads of HTTP/2's frames (RFC 9113 §4.1) in one direction of a connection, however its bytes are cut.
///
/// It looks at no payload and judges nothing: that is the protocol's own handler's to do.
struct HTTP2FrameScanner {
    /// What a frame is, and whose.
    struct FrameHead: Equatable {
        var type: UInt8
        var stream: UInt32
    }

    /// The length of a frame's head.
    private static let headLength = 9

    /// How many bytes come before the next head.
    private var skipping: Int
    /// A head that came in pieces, as far as it has come.
    private var piece = ByteBuffer()

    /// - Parameter skipping: The bytes before the first frame: the preface that clients begin with.
    init(skipping: Int = 0) {
        self.skipping = skipping
    }

    /// Takes the next bytes in.
    /// - Parameter found: Is called for each head that they complete, with the index of what is behind it.
    /// - Returns: The index behind the last frame that they complete; `nil` if they complete none.
    @discardableResult
    mutating func scan(_ bytes: ByteBuffer, _ found: (FrameHead, _ payload: Int) -> Void) -> Int? {
        var index = bytes.readerIndex
        var boundary: Int?
        while true {
            let skipped = min(skipping, bytes.writerIndex - index)
            skipping -= skipped
            index += skipped
            if skipping == 0, piece.readableBytes == 0, index > bytes.readerIndex { boundary = index }
            let available = bytes.writerIndex - index
            guard available > 0 else { return boundary }
            let taken = min(Self.headLength - piece.readableBytes, available)
            let read: (head: FrameHead, length: Int)?
            if taken == Self.headLength {
                read = Self.readHead(bytes, at: index)
            } else {
                if let part = bytes.getSlice(at: index, length: taken) { piece.writeImmutableBuffer(part) }
                read = Self.readHead(piece, at: piece.readerIndex)
            }
            index += taken
            guard let read else { return boundary }
            piece.clear()
            skipping = read.length
            found(read.head, index)
        }
    }

    /// - Returns: The head, and the length of the payload that follows; `nil` while there is less than a head.
    private static func readHead(_ bytes: ByteBuffer, at index: Int) -> (head: FrameHead, length: Int)? {
        // 24 bits of length, 8 of type, 8 of flags, a reserved one, 31 of stream, the last eight of them apart.
        guard let first = bytes.getInteger(at: index, as: UInt64.self),
            let last = bytes.getInteger(at: index + 8, as: UInt8.self)
        else { return nil }
        let stream = UInt32(truncatingIfNeeded: first << 8) & 0x7FFF_FFFF | UInt32(last)
        return (FrameHead(type: UInt8(truncatingIfNeeded: first >> 32), stream: stream), Int(first >> 40))
    }
}
