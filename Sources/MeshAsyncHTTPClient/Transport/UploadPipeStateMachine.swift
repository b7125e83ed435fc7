// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import NIOCore

/// One chunk at a time from a producer that pushes to a reader that pulls.
struct UploadPipeStateMachine {
    /// What becomes of a chunk that is offered.
    enum OfferAction: Equatable {
        /// The reader waits for it: it goes there.
        case hand
        /// The producer waits for the reader.
        case wait
        /// Nobody wants it.
        case refuse
    }

    /// What the reader gets.
    enum TakeAction: Equatable {
        /// A chunk; its producer may go on.
        case chunk(ByteBuffer)
        case end
        /// It gets nothing until it is told.
        case wait
        /// It is told that the body broke off.
        case fail
    }

    private enum State {
        case idle
        case offered(ByteBuffer)
        case awaited
        /// The producer is done.
        case ended
        /// Nobody wants the rest; the reader is left to wait.
        case stopped
        case closed
    }

    private var state = State.idle
    /// Whether the reader has ever asked.
    private(set) var isStarted = false

    /// Whether the producer has come to its end.
    var isComplete: Bool { if case .ended = state { true } else { false } }

    /// Whether nothing more is taken from the producer.
    var isOver: Bool {
        switch state {
        case .idle, .offered, .awaited: false
        case .ended, .stopped, .closed: true
        }
    }

    mutating func offered(_ chunk: ByteBuffer) -> OfferAction {
        switch state {
        case .idle:
            state = .offered(chunk)
            return .wait
        case .awaited:
            state = .idle
            return .hand
        // A second producer at the same time breaks the rules of a body's writer.
        case .offered, .ended, .stopped, .closed: return .refuse
        }
    }

    mutating func awaited() -> TakeAction {
        isStarted = true
        switch state {
        case .idle, .awaited:
            state = .awaited
            return .wait
        case .offered(let chunk):
            state = .idle
            return .chunk(chunk)
        case .ended: return .end
        case .stopped: return .wait
        case .closed: return .fail
        }
    }

    /// The producer is done.
    /// - Returns: Whether the reader waits, and is told.
    mutating func ended() -> Bool {
        switch state {
        case .awaited:
            state = .ended
            return true
        case .idle, .offered:
            state = .ended
            return false
        case .ended, .stopped, .closed: return false
        }
    }

    /// The producer broke off.
    /// - Returns: Whether the reader is told.
    mutating func failed() -> Bool {
        switch state {
        case .idle, .offered, .awaited:
            state = .closed
            return true
        case .ended, .stopped, .closed: return false
        }
    }

    /// The peer wants no more; AsyncHTTPClient must not take that for the end of the body, nor for a failure.
    mutating func stopped() {
        switch state {
        case .idle, .offered, .awaited: state = .stopped
        case .ended, .stopped, .closed: break
        }
    }

    /// Nothing goes on any more.
    mutating func closed() {
        switch state {
        // The producer is done, and nobody is to be told otherwise.
        case .ended: break
        case .idle, .offered, .awaited, .stopped, .closed: state = .closed
        }
    }
}
