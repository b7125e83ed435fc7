// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore
import NIOCore
import Synchronization

/// One request and its response: what the caller's task and the connection's event loop share.
///
/// Both machines live under one lock, so that a chunk passes from loop to reader without a hop.
final class Exchange: Sendable {
    /// Who has the exchange in hands.
    enum Place {
        case nowhere
        case pool(ConnectionPool, UInt64)
        case connection(HTTPConnection)
    }

    // The machines say when each of these is resumed: they answer `wait` at most once for each resumption.
    struct State {
        var machine: ExchangeStateMachine
        var upload: UploadStateMachine
        var place = Place.nowhere
        /// Produces a streamed body. The exchange owns it: whatever ends the exchange or its upload cancels it.
        var producer: Task<Void, Never>?
        var headWaiter: UnsafeContinuation<HTTPResponse, any Error>?
        var chunkWaiter: UnsafeContinuation<ByteBuffer?, any Error>?
        var uploadWaiter: UnsafeContinuation<Void, any Error>?
    }

    let request: WireRequest
    let endpoint: Endpoint
    /// When the exchange ends, complete or not.
    let deadline: Deadline
    /// When it ends if the response's head has not come; never later than `deadline`.
    let headDeadline: Deadline
    /// The loop of the caller's task, if it runs on one of the transport's.
    let loop: Int?
    /// The stream that carries it on a connection of HTTP/2; only looked at on the connection's loop.
    let stream = Atomic<Int32>(0)
    /// For this type's own files only.
    let state: Mutex<State>

    init(
        _ request: WireRequest,
        to endpoint: Endpoint,
        deadline: Deadline,
        headDeadline: Deadline,
        loop: Int?,
        highWatermark: Int
    ) {
        self.request = request
        self.endpoint = endpoint
        self.deadline = deadline
        self.headDeadline = headDeadline
        self.loop = loop
        self.state = Mutex(
            State(
                machine: ExchangeStateMachine(highWatermark: highWatermark),
                upload: UploadStateMachine(isStreamed: request.isStreamed, declaredLength: request.declaredLength)
            )
        )
    }

    var requestState: RequestState { state.withLock { $0.machine.requestState } }
    var trailers: HTTPFields? { state.withLock { $0.machine.readTrailers } }
    var isOpen: Bool { state.withLock { $0.machine.isOpen } }
    var failure: (any Error)? { state.withLock { $0.machine.failure } }
    /// What is said when the time is over: before the head its attempt's may be.
    var deadlineMessage: String { "the deadline passed before the end of the response" }

    // MARK: The caller's side

    /// Submits the exchange and waits for the response's head.
    func head(from pools: PoolRegistry) async throws -> HTTPResponse {
        try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { continuation in
                let action = state.withLock { state in
                    let action = state.machine.headAwaited()
                    if case .wait = action { state.headWaiter = continuation }
                    return action
                }
                switch action {
                case .wait: pools.submit(self)
                case .head(let head): continuation.resume(returning: head)
                case .fail(let error): continuation.resume(throwing: error)
                }
            }
        } onCancel: {
            cancel()
        }
    }

    /// The next chunk of the response's body; `nil` at its end.
    func nextChunk() async throws -> ByteBuffer? {
        // Without a continuation where a chunk is at hand, which is the common case.
        switch chunkAtHand() {
        case .chunk(let chunk, let resumesReading): return deliver(chunk, resumesReading)
        case .end: return nil
        case .fail(let error): throw error
        case .wait: return try await awaitChunk()
        }
    }

    /// The whole body, as one buffer. Costs no suspension where the body has come with its head.
    /// - Throws: `MeshError` with code `responseTooLarge` beyond `limit` bytes, and what reading it throws.
    func collect(upTo limit: Int) async throws -> ByteBuffer {
        var collected = CollectedBody(limit: limit)
        while true {
            switch chunkAtHand() {
            case .chunk(let chunk, let resumesReading): try collected.append(deliver(chunk, resumesReading))
            case .end: return collected.bytes
            case .fail(let error): throw error
            case .wait:
                guard let chunk = try await awaitChunk() else { return collected.bytes }
                try collected.append(chunk)
            }
        }
    }

    private func chunkAtHand() -> ExchangeStateMachine.ChunkAction {
        // A reader that always finds a chunk at hand must learn of its cancellation, too.
        if Task.isCancelled { cancel() }
        return state.withLock { $0.machine.chunkAwaited(waits: false) }
    }

    private func awaitChunk() async throws -> ByteBuffer? {
        try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { continuation in
                let action = state.withLock { state in
                    let action = state.machine.chunkAwaited(waits: true)
                    if case .wait = action { state.chunkWaiter = continuation }
                    return action
                }
                switch action {
                case .wait: break
                case .chunk(let chunk, let resumes): continuation.resume(returning: deliver(chunk, resumes))
                case .end: continuation.resume(returning: nil)
                case .fail(let error): continuation.resume(throwing: error)
                }
            }
        } onCancel: {
            cancel()
        }
    }

    private func deliver(_ chunk: ByteBuffer, _ resumesReading: Bool) -> ByteBuffer {
        if resumesReading { connection?.perform { $0.resumeReading(self) } }
        return chunk
    }

    /// The consumer of the response is done with it.
    func finish(_ ending: ExchangeEnding) {
        let action = state.withLock { $0.machine.finished(ending) }
        if request.isStreamed { stopUpload() }
        guard case .abandon(let mayDrain) = action else { return }
        connection?.perform { $0.abandon(self, mayDrain: mayDrain) }
    }

    /// The caller's task was cancelled.
    func cancel() {
        abort(.cancelled, origin: .downstream, message: "the caller cancelled the request")
    }

    /// Fails the exchange for a reason on this side, and ends what goes on for it.
    func abort(_ code: MeshError.Code, origin: MeshError.Origin, message: String) {
        fail(code, origin: origin, message: message)
        endWork()
    }

    /// Ends what goes on for an exchange that has failed.
    ///
    /// Not before it has failed: until then it may begin at any moment, on its connection's loop, and nobody would end
    /// it there. After that it never begins, and a pool that takes it meanwhile sees by itself that it is over.
    func endWork() {
        switch state.withLock({ $0.place }) {
        case .nowhere: break
        case .pool(let pool, let id): pool.withdraw(id)
        case .connection(let connection): connection.perform { $0.abort(self) }
        }
    }

    // MARK: The pool's side

    /// The exchange is about to wait in a pool.
    func entered(_ pool: ConnectionPool, as id: UInt64) {
        state.withLock { $0.place = .pool(pool, id) }
    }

    // MARK: The connection's side

    /// The first byte is about to be written.
    /// - Returns: Whether it may be; if not, the exchange has failed, and its connection is free.
    func begin(on connection: HTTPConnection) -> Bool {
        state.withLock { state in
            guard state.machine.begun() else { return false }
            state.place = .connection(connection)
            return true
        }
    }

    /// Hands over what was received.
    /// - Parameter peerCloses: Whether the peer closes the connection after the response.
    /// - Returns: Whether the connection should go on reading.
    func receive(_ delivery: ExchangeStateMachine.Delivery, peerCloses: Bool) -> Bool {
        let (action, headWaiter, chunkWaiter) = state.withLock { state in
            let action = state.machine.delivered(delivery)
            return (
                action,
                action.head == nil ? nil : state.headWaiter.take(),
                action.chunk == nil && !action.ends ? nil : state.chunkWaiter.take()
            )
        }
        if let head = action.head { headWaiter?.resume(returning: head) }
        chunkWaiter?.resume(returning: action.chunk)
        // RFC 9112 §9.5: a client that sees such an answer stops sending.
        if request.isStreamed, let head = delivery.head, peerCloses || head.status.code >= 400 { stopUpload() }
        return action.wantsMore
    }

    /// The peer has refused the request without looking at it.
    /// - Returns: Whether it should be sent again; if not, it is to be failed.
    func returned() -> Bool {
        state.withLock { state in
            let isWhole = !state.upload.hasWritten
            return state.machine.returned() && isWhole
        }
    }

    /// Fails the exchange; what waits for it is told. Nothing happens if it is over.
    func fail(
        _ code: MeshError.Code,
        origin: MeshError.Origin,
        message: String,
        cause: (any Error)? = nil,
        keepsBody: Bool = false
    ) {
        fail(keepsBody: keepsBody) { [endpoint] requestState in
            var error = MeshError(code, origin: origin, requestState: requestState, message: message, cause: cause)
            error.endpoint = endpoint.address
            return error
        }
    }

    func fail(keepsBody: Bool, _ failure: (RequestState) -> any Error) {
        let (error, headWaiter, chunkWaiter, uploadWaiter, producer) = state.withLock { state in
            let error = state.machine.failed(keepsBody: keepsBody, failure)
            _ = state.upload.stopped()
            let waiters = (state.headWaiter.take(), state.chunkWaiter.take(), state.uploadWaiter.take())
            return (error, waiters.0, waiters.1, waiters.2, state.producer)
        }
        producer?.cancel()
        guard let error else {
            // The response is over, the request is not: only its producer still waits.
            uploadWaiter?.resume(throwing: CancellationError())
            return
        }
        headWaiter?.resume(throwing: error)
        chunkWaiter?.resume(throwing: error)
        uploadWaiter?.resume(throwing: error)
    }

    var connection: HTTPConnection? {
        state.withLock { state in
            if case .connection(let connection) = state.place { connection } else { nil }
        }
    }
}
