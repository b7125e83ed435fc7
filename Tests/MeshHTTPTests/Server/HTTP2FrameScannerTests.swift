// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import NIOCore
import Testing

@testable import MeshHTTP

@Suite struct HTTP2FrameScannerTests {
    /// Three frames behind a preface, one of them without a payload; the last one's reserved bit is set.
    private static let bytes: [UInt8] =
        Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
        + [0, 0, 0, 4, 0, 0, 0, 0, 0]
        + [0, 1, 2, 0, 1, 0, 0, 1, 5] + [UInt8](repeating: 8, count: 258)
        + [0, 0, 4, 8, 0, 0x81, 2, 3, 4, 0, 0, 0, 1]

    private static let heads: [HTTP2FrameScanner.FrameHead] = [
        .init(type: 4, stream: 0), .init(type: 0, stream: 0x105), .init(type: 8, stream: 0x0102_0304),
    ]

    private func scan(inPiecesOf size: Int) -> [HTTP2FrameScanner.FrameHead] {
        var scanner = HTTP2FrameScanner(skipping: 24)
        var found: [HTTP2FrameScanner.FrameHead] = []
        for start in stride(from: 0, to: Self.bytes.count, by: size) {
            scanner.scan(ByteBuffer(bytes: Self.bytes.dropFirst(start).prefix(size))) { head, _ in found.append(head) }
        }
        return found
    }

    @Test func `tells where the last whole frame ends`() {
        var scanner = HTTP2FrameScanner(skipping: 24)
        // The preface and one byte; the rest of the first frame, which is its head; all of the second but a byte; that
        // byte and a part of the third frame's head; the rest of it without its payload; and that.
        let ends = [25, 33, 299, 305, 309, Self.bytes.count]
        var (start, found) = (0, [Int?]())
        for end in ends {
            found.append(scanner.scan(ByteBuffer(bytes: Self.bytes[start..<end])) { _, _ in })
            start = end
        }
        #expect(found == [24, 8, nil, 1, nil, 4])
    }

    @Test func `finds every head, however the bytes are cut`() {
        for size in 1...Self.bytes.count { #expect(scan(inPiecesOf: size) == Self.heads) }
    }
}
