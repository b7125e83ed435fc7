// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import Hummingbird
import NIOCore
import Synchronization

/// Keeps the body that a response writes.
final class CollectingWriter: ResponseBodyWriter {
    private let buffer = Mutex(ByteBuffer())

    var text: String { buffer.withLock { String(buffer: $0) } }

    func write(_ bytes: ByteBuffer) async throws {
        buffer.withLock { _ = $0.writeImmutableBuffer(bytes) }
    }

    func finish(_ trailingHeaders: HTTPFields?) async throws {}
}
