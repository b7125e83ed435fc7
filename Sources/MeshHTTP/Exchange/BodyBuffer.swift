// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import NIOCore

/// Chunks between the connection and the reader, first in, first out.
///
/// Most responses are one chunk, which needs no array.
struct BodyBuffer {
    private var first: ByteBuffer?
    private var rest: [ByteBuffer] = []
    private var restStart = 0
    /// How many bytes wait.
    private(set) var byteCount = 0

    var isEmpty: Bool { first == nil }

    mutating func append(_ chunk: ByteBuffer) {
        byteCount += chunk.readableBytes
        if first == nil { first = chunk } else { rest.append(chunk) }
    }

    mutating func popFirst() -> ByteBuffer? {
        guard let chunk = first else { return nil }
        byteCount -= chunk.readableBytes
        if restStart < rest.count {
            first = rest[restStart]
            restStart += 1
            // Amortised: each chunk is moved at most once for each time that the array halves.
            if restStart * 2 >= rest.count {
                rest.removeFirst(restStart)
                restStart = 0
            }
        } else {
            first = nil
        }
        return chunk
    }

    mutating func removeAll() {
        self = BodyBuffer()
    }
}
