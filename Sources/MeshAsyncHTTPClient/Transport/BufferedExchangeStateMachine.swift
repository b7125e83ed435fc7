// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import NIOCore

/// What a response goes through between AsyncHTTPClient, which pushes, and its reader, who pulls.
///
/// ```
/// opening ─headReceived─▶ open ─ended─▶ ended
///    │                     │ finished
///    │                     ▼
///    │                  draining ─ended, or more than the limit─▶ ended
///    └──failed──▶ failed ◀──failed── open
/// ```
struct BufferedExchangeStateMachine {
    /// What becomes of one who waits for the response's head.
    enum HeadAction {
        case wait
        case fail(any Error)
    }

    /// What becomes of a chunk that has arrived.
    enum DeliveryAction: Equatable {
        /// It goes to the reader that waits for it.
        case hand
        /// It is kept; the peer may go on.
        case keep
        /// It is kept; the peer waits until the reader has caught up.
        case keepAndPause
        /// Nobody wants it.
        case discard
        /// Nobody wants it, nor as much more of it as there may be.
        case abandon
    }

    /// What the reader gets.
    enum ChunkAction {
        case chunk(ByteBuffer, resumesPeer: Bool)
        case end
        case fail(any Error)
        case wait
    }

    /// What follows when the consumer is done with the response.
    enum FinishAction: Equatable {
        case none
        /// What is left is thrown away as it comes; a paused peer goes on.
        case drain
        /// More is left than that is worth.
        case abandon
    }

    private enum State {
        case opening
        case open
        case draining(left: Int)
        case ended
        case failed(any Error)
    }

    private var state = State.opening
    private var chunks = CircularBuffer<ByteBuffer>(initialCapacity: 1)
    private var byteCount = 0
    private var isReaderWaiting = false
    private var isPaused = false
    private var isFinished = false
    private let bufferLimit: Int
    private let drainLimit: Int
    /// Whether AsyncHTTPClient said that the request's head was sent.
    private(set) var isHeadSent = false

    init(bufferLimit: Int, drainLimit: Int) {
        self.bufferLimit = bufferLimit
        self.drainLimit = drainLimit
    }

    /// Whether the head is awaited, and nothing has gone wrong.
    var isOpening: Bool { if case .opening = state { true } else { false } }

    /// Whether it has failed.
    var isFailed: Bool { if case .failed = state { true } else { false } }

    /// Whether nothing more can come.
    var isOver: Bool {
        switch state {
        case .ended, .failed: true
        case .opening, .open, .draining: false
        }
    }

    mutating func headSent() {
        isHeadSent = true
    }

    func headAwaited() -> HeadAction {
        if case .failed(let error) = state { .fail(error) } else { .wait }
    }

    /// The response's head has arrived.
    /// - Returns: Whether somebody waits for it.
    mutating func headReceived() -> Bool {
        guard case .opening = state else { return false }
        state = .open
        return true
    }

    mutating func chunkReceived(_ chunk: ByteBuffer) -> DeliveryAction {
        switch state {
        case .open:
            if isReaderWaiting {
                isReaderWaiting = false
                return .hand
            }
            chunks.append(chunk)
            byteCount += chunk.readableBytes
            isPaused = byteCount >= bufferLimit
            return isPaused ? .keepAndPause : .keep
        case .draining(let left):
            guard chunk.readableBytes <= left else {
                state = .ended
                return .abandon
            }
            state = .draining(left: left - chunk.readableBytes)
            return .discard
        case .opening, .ended, .failed: return .discard
        }
    }

    /// The response is complete.
    /// - Returns: Whether the reader waits for it.
    mutating func ended() -> Bool {
        switch state {
        case .open, .draining:
            state = .ended
            return isReaderWaiting.exchange(false)
        case .opening, .ended, .failed: return false
        }
    }

    /// The exchange broke.
    /// - Returns: Whether that is news; those who wait are to be told.
    mutating func failed(_ error: any Error) -> Bool {
        switch state {
        case .opening, .open:
            state = .failed(error)
            isReaderWaiting = false
            return true
        case .draining:
            state = .ended
            return false
        case .ended, .failed: return false
        }
    }

    /// The reader waits for a chunk if none is there.
    mutating func chunkAwaited() -> ChunkAction {
        let action = chunkAtHand()
        if case .wait = action { isReaderWaiting = true }
        return action
    }

    /// The reader asks for a chunk. What came before a failure or the end comes first.
    mutating func chunkAtHand() -> ChunkAction {
        guard !isFinished else {
            return .fail(
                MeshError(
                    .connectionClosed,
                    origin: .local,
                    requestState: .answered,
                    message: "the exchange was finished"
                )
            )
        }
        if let chunk = chunks.popFirst() {
            byteCount -= chunk.readableBytes
            let resumes = isPaused && byteCount < bufferLimit
            if resumes { isPaused = false }
            return .chunk(chunk, resumesPeer: resumes)
        }
        switch state {
        case .failed(let error): return .fail(error)
        case .ended, .draining: return .end
        case .opening, .open: return .wait
        }
    }

    mutating func finished() -> FinishAction {
        isFinished = true
        let left = drainLimit - byteCount
        chunks.removeAll()
        byteCount = 0
        guard case .open = state else { return .none }
        isReaderWaiting = false
        isPaused = false
        guard left > 0 else {
            state = .ended
            return .abandon
        }
        state = .draining(left: left)
        return .drain
    }
}

extension Bool {
    /// Sets a value and returns the one before.
    fileprivate mutating func exchange(_ value: Bool) -> Bool {
        let before = self
        self = value
        return before
    }
}
