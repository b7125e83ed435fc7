// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import NIOCore

/// Decides when a chunk of a streamed request body goes to the connection: one at a time, and only its declared length.
struct UploadStateMachine {
    private enum State {
        /// The body is not streamed.
        case none
        /// The producer is at work; a chunk may wait for the connection.
        case open(ByteBuffer?)
        /// The producer is done, the end is not written yet.
        case produced
        /// The end was written.
        case ended
        /// Nobody wants the rest.
        case stopped
    }

    /// What becomes of a chunk.
    enum OfferAction {
        /// It waits for the connection; so does the producer.
        case wait
        /// The body is longer than its declared length.
        case tooLong
        /// Nobody wants it.
        case refuse
    }

    /// What the connection is to write.
    enum WriteAction: Equatable {
        case nothing
        case chunk(ByteBuffer)
        /// The chunk that completes a body of declared length, and the end with it: a peer that has all bytes may answer
        /// at once, and take an end that comes later for a request that it has not seen the end of.
        case lastChunk(ByteBuffer)
        case end
    }

    private var state: State
    private var remaining: Int?
    /// Whether some of the body is gone, so that it cannot be sent again from its beginning.
    private(set) var hasWritten = false

    /// - Parameter declaredLength: The value of `content-length`; `nil` for a chunked body.
    init(isStreamed: Bool, declaredLength: Int?) {
        self.state = isStreamed ? .open(nil) : .none
        self.remaining = declaredLength
    }

    var isStopped: Bool {
        if case .stopped = state { true } else { false }
    }

    mutating func chunkOffered(_ chunk: ByteBuffer) -> OfferAction {
        if case .ended = state, remaining != nil { return .tooLong }
        guard case .open(nil) = state else { return .refuse }
        if let remaining {
            guard chunk.readableBytes <= remaining else {
                state = .stopped
                return .tooLong
            }
            self.remaining = remaining - chunk.readableBytes
        }
        state = .open(chunk)
        return .wait
    }

    /// The producer is done.
    /// - Returns: Whether the body has its declared length.
    mutating func produced() -> Bool {
        guard case .open = state else { return true }
        guard remaining ?? 0 == 0 else {
            state = .stopped
            return false
        }
        state = .produced
        return true
    }

    /// The connection can take something.
    mutating func writable() -> WriteAction {
        switch state {
        case .open(let chunk?):
            hasWritten = true
            guard remaining != 0 else {
                state = .ended
                return .lastChunk(chunk)
            }
            state = .open(nil)
            return .chunk(chunk)
        case .produced:
            state = .ended
            hasWritten = true
            return .end
        case .none, .open(nil), .ended, .stopped:
            return .nothing
        }
    }

    /// Nobody wants the rest.
    /// - Returns: Whether there was a rest.
    mutating func stopped() -> Bool {
        switch state {
        case .open, .produced:
            state = .stopped
            return true
        case .none, .ended, .stopped:
            return false
        }
    }
}
