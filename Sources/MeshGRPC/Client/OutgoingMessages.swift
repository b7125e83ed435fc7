// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import MeshHTTP
import NIOCore
import Synchronization

/// A call's request: what its writer has written, for whichever attempts send it.
final class OutgoingMessages: KeptBody {
    private struct State {
        var machine: OutgoingMessagesStateMachine
        var metadata: Metadata?
        var nextWaiter = 0
        /// Writers that wait for room.
        var writers: [Int: UnsafeContinuation<Void, any Error>] = [:]
        /// Attempts that wait for messages, and the reader of the response that waits for the request's beginning.
        var readers: [Int: UnsafeContinuation<Void, any Error>] = [:]
        var messageBytes: UInt64 = 0

        mutating func wait(as side: Side, _ id: Int, _ continuation: UnsafeContinuation<Void, any Error>) {
            switch side {
            case .reader: readers[id] = continuation
            case .writer: writers[id] = continuation
            }
        }

        mutating func remove(_ side: Side, _ id: Int) -> UnsafeContinuation<Void, any Error>? {
            switch side {
            case .reader: readers.removeValue(forKey: id)
            case .writer: writers.removeValue(forKey: id)
            }
        }
    }

    /// Who waits.
    private enum Side {
        case reader
        case writer
    }

    /// The beginning of a request.
    struct Beginning {
        var metadata: Metadata
        /// The whole body, if it is known already.
        var whole: ByteBuffer?
    }

    private let state: Mutex<State>
    private let budget: ReplayBudget
    private let maximumMessageBytes: Int
    private let coder: MessageCoder?

    /// - Parameters:
    ///   - coder: What compresses messages; `nil` sends them as they are.
    ///   - replayLimit: How many bytes are kept for further attempts.
    ///   - highWatermark: How many bytes may wait for the connection before their writer does.
    init(
        maximumMessageBytes: Int,
        coder: MessageCoder? = nil,
        replayLimit: Int,
        highWatermark: Int,
        budget: ReplayBudget
    ) {
        self.state = Mutex(
            State(machine: OutgoingMessagesStateMachine(replayLimit: replayLimit, highWatermark: highWatermark))
        )
        self.maximumMessageBytes = maximumMessageBytes
        self.coder = coder
        self.budget = budget
    }

    deinit {
        budget.release(state.withLock { $0.machine.heldBytes })
    }

    /// The bytes of all messages that were written, as they are sent, without their prefixes.
    var messageBytes: UInt64 { state.withLock { $0.messageBytes } }

    // MARK: The writer

    func write(_ metadata: Metadata) throws(RPCError) {
        let (isFirst, woken) = state.withLock { state in
            guard state.metadata == nil else { return (false, [UnsafeContinuation<Void, any Error>]()) }
            state.metadata = metadata
            return (true, state.readers.takeAll())
        }
        for waiter in woken { waiter.resume() }
        guard isFirst else {
            throw RPCError(code: .internalError, message: "a call has metadata at its beginning only")
        }
    }

    /// Takes a message; returns when there is room for another.
    func write(_ message: RPCBytes) async throws {
        try MessageFraming.check(length: message.count, limit: maximumMessageBytes)
        let chunk = try coder?.framed(message) ?? message.framed()
        let length = chunk.readableBytes - MessageFraming.prefixLength
        let isScarce = budget.isScarce
        let (isWanted, isFull, held, woken) = state.withLock { state in
            let before = state.machine.heldBytes
            let isWanted = state.machine.written(chunk, isScarce: isScarce)
            if isWanted { state.messageBytes += UInt64(length) }
            let held = state.machine.heldBytes - before
            return (isWanted, state.machine.isFull, held, isWanted ? state.readers.takeAll() : [])
        }
        budget.take(held)
        for waiter in woken { waiter.resume() }
        guard isWanted else { throw Self.over }
        if isFull { try await wait(as: .writer) { $0.machine.isFull } }
    }

    /// Nothing more comes.
    func finish() {
        end { $0.machine.finished() }
    }

    /// The application gave up; so does the call.
    func finish(throwing error: any Error) {
        end { $0.machine.failed(error) }
    }

    /// The call is over: whoever still writes is told.
    func close() {
        end { $0.machine.closed() }
    }

    private func end(_ change: (inout State) -> Void) {
        let (held, readers, writers) = state.withLock { state in
            let before = state.machine.heldBytes
            change(&state)
            return (state.machine.heldBytes - before, state.readers.takeAll(), state.writers.takeAll())
        }
        budget.take(held)
        for waiter in readers { waiter.resume() }
        for waiter in writers { waiter.resume() }
    }

    // MARK: The attempts

    /// The response has begun.
    func commit() {
        let (held, woken) = state.withLock { state in
            let before = state.machine.heldBytes
            state.machine.committed()
            let woken = state.readers.takeAll() + (state.machine.isFull ? [] : state.writers.takeAll())
            return (state.machine.heldBytes - before, woken)
        }
        budget.take(held)
        for waiter in woken { waiter.resume() }
    }

    /// Waits for the request's beginning.
    /// - Parameter asWhole: Whether to wait for its end, too, which follows at once where there is one message; not beyond
    ///   the point where its writer waits itself.
    func beginning(asWhole: Bool) async throws -> Beginning {
        while true {
            let beginning: Beginning? = try state.withLock { state throws in
                switch state.machine.ending {
                case .failed(let error): throw error
                case .closed: throw Self.over
                // A writer that waits for room will not come to the end before somebody reads.
                case .open where asWhole && !state.machine.isFull: return nil
                case .open, .finished:
                    guard let metadata = state.metadata else { return nil }
                    return Beginning(metadata: metadata, whole: state.machine.whole)
                }
            }
            if let beginning { return beginning }
            try await wait(as: .reader) { state in
                switch state.machine.ending {
                case .open: asWhole && !state.machine.isFull || state.metadata == nil
                // A request that is finished without a beginning never gets one.
                case .finished: false
                case .failed, .closed: false
                }
            }
            try state.withLock { state throws in
                if case .finished = state.machine.ending, state.metadata == nil {
                    throw RPCError(
                        code: .internalError,
                        message: "the call was finished before its metadata was written"
                    )
                }
            }
        }
    }

    var isReplayable: Bool { state.withLock { $0.machine.isReplayable } }

    func write(to writer: RequestBodyWriter) async throws {
        guard let id = state.withLock({ $0.machine.attemptBegan() }) else {
            throw RPCError(code: .unavailable, message: "the call's beginning is not kept any more")
        }
        defer { attemptEnded(id) }
        while true {
            let isScarce = budget.isScarce
            let (action, held, woken) = state.withLock { state in
                let before = state.machine.heldBytes
                let action = state.machine.more(for: id, isScarce: isScarce)
                let woken = state.machine.isFull ? [] : state.writers.takeAll()
                return (action, state.machine.heldBytes - before, woken)
            }
            budget.take(held)
            for waiter in woken { waiter.resume() }
            switch action {
            case .messages(let bytes): try await writer.write(bytes)
            case .wait: try await wait(as: .reader) { $0.machine.hasNothing(for: id) }
            case .end: return
            case .fail(let error): throw error
            case .gone: throw CancellationError()
            }
        }
    }

    private func attemptEnded(_ id: Int) {
        let isScarce = budget.isScarce
        let (held, woken) = state.withLock { state in
            let before = state.machine.heldBytes
            state.machine.attemptEnded(id, isScarce: isScarce)
            let woken = state.readers.takeAll() + (state.machine.isFull ? [] : state.writers.takeAll())
            return (state.machine.heldBytes - before, woken)
        }
        budget.take(held)
        for waiter in woken { waiter.resume() }
    }

    // MARK: Waiting

    /// Waits until somebody changes something, unless what is waited for has come meanwhile.
    private func wait(
        as side: Side,
        while condition: (inout State) -> Bool
    ) async throws {
        let id = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { (continuation: UnsafeContinuation<Void, any Error>) in
                let waits = state.withLock { state in
                    guard !Task.isCancelled, condition(&state) else { return false }
                    state.wait(as: side, id, continuation)
                    return true
                }
                if !waits { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.remove(side, id) }?.resume(throwing: CancellationError())
        }
        try Task.checkCancellation()
    }

    private static var over: RPCError { RPCError(code: .cancelled, message: "the call is over") }
}

extension Dictionary where Key == Int, Value == UnsafeContinuation<Void, any Error> {
    /// Takes all of them out, to be resumed outside of the lock.
    fileprivate mutating func takeAll() -> [Value] {
        guard !isEmpty else { return [] }
        defer { removeAll(keepingCapacity: true) }
        return Array(values)
    }
}
