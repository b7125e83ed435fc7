// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore
import NIOCore

/// Decides what the two sides of an exchange get: the caller, who waits for the head and reads the body, and the
/// connection, which delivers both and is asked to pause when the caller is slow.
struct ExchangeStateMachine {
    /// What a connection delivers at once: whatever it read in one go.
    struct Delivery {
        var head: HTTPResponse?
        var body = BodyBuffer()
        var isEnd = false
        var trailers: HTTPFields?

        var isEmpty: Bool { head == nil && body.isEmpty && !isEnd }
    }

    private enum Response {
        case awaited
        case streaming
        case ended
        case failed(any Error)
    }

    /// What a caller gets that asks for the head.
    enum HeadAction {
        case wait
        case head(HTTPResponse)
        case fail(any Error)
    }

    /// What a caller gets that asks for the next chunk.
    enum ChunkAction {
        case wait
        /// A chunk; perhaps there is room again, so that the connection should go on reading.
        case chunk(ByteBuffer, resumesReading: Bool)
        case end
        case fail(any Error)
    }

    /// What follows from a delivery.
    struct DeliveryAction {
        /// The waiting caller gets the head.
        var head: HTTPResponse?
        /// The waiting reader gets a chunk.
        var chunk: ByteBuffer?
        /// The waiting reader is told of the end.
        var ends = false
        /// Whether the connection should go on reading.
        var wantsMore = true
    }

    /// What follows from a finish.
    enum FinishAction: Equatable {
        /// The connection is done with the exchange already.
        case nothing
        /// The connection still delivers.
        case abandon(mayDrain: Bool)
    }

    /// How far the request came.
    private(set) var requestState = RequestState.notSent
    /// The fields behind the body, once its end was read.
    private(set) var readTrailers: HTTPFields?
    private var response = Response.awaited
    private var head: HTTPResponse?
    private var trailers: HTTPFields?
    private var body = BodyBuffer()
    private var isHeadAwaited = false
    private var isChunkAwaited = false
    private var isFinished = false
    private var isPaused = false
    private var returnCount = 0
    /// A peer that refuses a request for the third time means it; gRPC's transparent retries (A6) end after the first.
    private static let maximumReturns = 2
    /// How many bytes may wait for the reader before the connection pauses.
    private let highWatermark: Int

    init(highWatermark: Int) {
        self.highWatermark = highWatermark
    }

    /// The error that the exchange failed with.
    var failure: (any Error)? {
        if case .failed(let error) = response { error } else { nil }
    }

    /// Whether the response can still change anything.
    var isOpen: Bool {
        switch response {
        case .awaited, .streaming: !isFinished
        case .ended, .failed: false
        }
    }

    // MARK: The caller

    mutating func headAwaited() -> HeadAction {
        if case .failed(let error) = response { return .fail(error) }
        guard let head else {
            isHeadAwaited = true
            return .wait
        }
        return .head(head)
    }

    /// - Parameter waits: Whether the reader waits if there is nothing to read yet, or just looks.
    mutating func chunkAwaited(waits: Bool) -> ChunkAction {
        guard !isFinished else { return .fail(Self.misuse("the body was read after its exchange was finished")) }
        guard !isChunkAwaited else { return .fail(Self.misuse("the body is read by two tasks at once")) }
        if let chunk = body.popFirst() {
            let resumes = isPaused && body.byteCount <= highWatermark / 2
            if resumes { isPaused = false }
            return .chunk(chunk, resumesReading: resumes)
        }
        switch response {
        case .awaited, .streaming:
            isChunkAwaited = waits
            return .wait
        case .ended:
            readTrailers = trailers
            return .end
        case .failed(let error): return .fail(error)
        }
    }

    mutating func finished(_ ending: ExchangeEnding) -> FinishAction {
        guard !isFinished else { return .nothing }
        let wasOpen = isOpen
        isFinished = true
        body.removeAll()
        guard wasOpen else { return .nothing }
        return switch ending {
        case .completed, .discarded: .abandon(mayDrain: true)
        case .failed, .cancelled: .abandon(mayDrain: false)
        }
    }

    // MARK: The connection

    /// The first byte is about to be written.
    /// - Returns: Whether it may be; the exchange may have failed while it waited.
    mutating func begun() -> Bool {
        guard case .awaited = response else { return false }
        requestState = .maybeSent
        return true
    }

    /// The peer says that it has not looked at the request, which is as if it had never been sent.
    /// - Returns: Whether it should be sent again: it is open, and does not go round in circles.
    mutating func returned() -> Bool {
        guard case .awaited = response, isOpen else { return false }
        requestState = .notSent
        returnCount += 1
        return returnCount <= Self.maximumReturns
    }

    mutating func delivered(_ delivery: Delivery) -> DeliveryAction {
        var action = DeliveryAction()
        guard isOpen else { return action }
        if let head = delivery.head {
            requestState = .answered
            response = .streaming
            self.head = head
            if isHeadAwaited {
                isHeadAwaited = false
                action.head = head
            }
        }
        var incoming = delivery.body
        while let chunk = incoming.popFirst() { body.append(chunk) }
        if delivery.isEnd {
            response = .ended
            trailers = delivery.trailers
        }
        if isChunkAwaited {
            if let chunk = body.popFirst() {
                isChunkAwaited = false
                action.chunk = chunk
            } else if delivery.isEnd {
                isChunkAwaited = false
                readTrailers = trailers
                action.ends = true
            }
        }
        isPaused = !delivery.isEnd && body.byteCount >= highWatermark
        action.wantsMore = !isPaused
        return action
    }

    /// The exchange broke. What was received before stays readable if the peer broke it; who gave up reads no more.
    /// - Parameter failure: Makes the error, given how far the request came.
    /// - Returns: The error if the exchange was open; its waiting caller or reader gets it.
    mutating func failed(keepsBody: Bool, _ failure: (RequestState) -> any Error) -> (any Error)? {
        guard isOpen else { return nil }
        let error = failure(requestState)
        response = .failed(error)
        isHeadAwaited = false
        isChunkAwaited = false
        if !keepsBody { body.removeAll() }
        return error
    }

    private static func misuse(_ message: String) -> MeshError {
        MeshError(.invalidRequest, origin: .downstream, requestState: .answered, message: message)
    }
}
