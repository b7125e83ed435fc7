// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import NIOCore

/// What has arrived of a request's body and was not read yet.
struct InboundBodyStateMachine {
    /// What a reader gets.
    enum Reading {
        case chunk(ByteBuffer, resumesReading: Bool)
        case end
        /// Nothing is there yet.
        case wait
    }

    private var chunks = CircularBuffer<ByteBuffer>()
    private var bytes = 0
    private var isPaused = false
    private(set) var trailers: HTTPFields?
    private(set) var isDiscarding = false
    /// The bytes beyond which the caller has to wait.
    let highWatermark: Int

    init(highWatermark: Int) {
        self.highWatermark = highWatermark
    }

    /// Whether all of it has arrived.
    var hasEnded: Bool { trailers != nil }
    /// Whether more should be read from the connection now.
    var wantsMore: Bool { !isPaused }
    /// How many bytes wait for their reader.
    var buffered: Int { bytes }

    /// A chunk has arrived.
    mutating func received(_ chunk: ByteBuffer) {
        guard !isDiscarding, chunk.readableBytes > 0 else { return }
        chunks.append(chunk)
        bytes += chunk.readableBytes
        if bytes >= highWatermark { isPaused = true }
    }

    /// The end has arrived.
    mutating func ended(trailers: HTTPFields) {
        self.trailers = trailers
    }

    /// Somebody reads.
    mutating func read() -> Reading {
        guard let chunk = chunks.popFirst() else { return hasEnded ? .end : .wait }
        bytes -= chunk.readableBytes
        // Half of the mark, so that a slow reader does not start and stop the connection with every chunk.
        let resumes = isPaused && bytes <= highWatermark / 2
        if resumes { isPaused = false }
        return .chunk(chunk, resumesReading: resumes)
    }

    /// Nobody will read any more.
    mutating func discard() {
        isDiscarding = true
        isPaused = false
        chunks.removeAll()
        bytes = 0
    }
}
