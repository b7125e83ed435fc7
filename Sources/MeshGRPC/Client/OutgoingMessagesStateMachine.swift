// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import NIOCore

/// Decides what of a call's messages is kept, for whom, and when their writer waits.
///
/// Attempts read from the beginning, each at its own pace. What none of them needs any more is dropped as soon as no
/// further attempt can come: when the response has begun, or when more is held than may be kept for that (gRFC A6,
/// "Memory Management (Buffering)"). A message counts as sent when the connection has taken it.
struct OutgoingMessagesStateMachine {
    /// How the request ends.
    enum Ending {
        /// More may come.
        case open
        /// Nothing more comes.
        case finished
        /// The application gave up.
        case failed(any Error)
        /// The call is over; nobody wants the rest.
        case closed
    }

    /// What an attempt gets.
    enum ReadAction {
        /// Some messages.
        case messages(ByteBuffer)
        /// It waits for more.
        case wait
        case end
        case fail(any Error)
        /// The beginning is gone, or the call is over.
        case gone
    }

    private struct Reader {
        /// The next chunk that it gets, counted from the call's beginning.
        var next = 0
        /// All before it was sent.
        var sent = 0
        /// The bytes of all that it got.
        var takenBytes = 0
        /// Whether it was left behind by another one, and what it would need next is gone.
        var isLeftBehind = false
    }

    /// Where a joined piece ends: what a connection takes at once.
    static let pieceLimit = 64 << 10
    /// A chunk of that size is worth a write of its own; smaller ones are joined.
    static let joinLimit = 16 << 10

    private(set) var ending = Ending.open
    private var chunks: [ByteBuffer] = []
    /// How many chunks at the array's beginning are empty places.
    private var dropped = 0
    /// How many chunks were dropped since the call's beginning.
    private var firstIndex = 0
    private var writtenBytes = 0
    private(set) var heldBytes = 0
    private var readers: [Int: Reader] = [:]
    private var nextReader = 0
    /// Whether no further attempt will come.
    private(set) var isCommitted = false
    /// How many bytes may be kept for further attempts.
    private let replayLimit: Int
    /// How many bytes may wait for the connection before their writer does.
    private let highWatermark: Int

    init(replayLimit: Int, highWatermark: Int) {
        self.replayLimit = replayLimit
        self.highWatermark = highWatermark
    }

    /// Whether a further attempt would find everything.
    var isReplayable: Bool {
        if case .closed = ending { return false }
        return !isCommitted && firstIndex == 0
    }

    /// Whether a writer waits: what it has written is more than connections have taken.
    var isFull: Bool {
        guard case .open = ending else { return false }
        return writtenBytes - (readers.values.map(\.takenBytes).max() ?? 0) > highWatermark
    }

    /// The whole request, if it is finished and has one message at most, and nobody reads it yet.
    var whole: ByteBuffer? {
        guard case .finished = ending, firstIndex == 0, readers.isEmpty, chunks.count <= 1 else { return nil }
        return chunks.first ?? ByteBuffer()
    }

    // MARK: The writer

    /// - Parameter isScarce: Whether all calls together hold more than they may.
    /// - Returns: Whether anybody wants it.
    mutating func written(_ chunk: ByteBuffer, isScarce: Bool) -> Bool {
        guard case .open = ending else { return false }
        chunks.append(chunk)
        writtenBytes += chunk.readableBytes
        heldBytes += chunk.readableBytes
        dropUnneeded(isScarce: isScarce)
        return true
    }

    mutating func finished() {
        if case .open = ending { ending = .finished }
    }

    mutating func failed(_ error: any Error) {
        switch ending {
        case .open, .finished: ending = .failed(error)
        case .failed, .closed: break
        }
    }

    mutating func closed() {
        ending = .closed
        chunks = []
        dropped = 0
        heldBytes = 0
    }

    // MARK: The attempts

    /// - Returns: The attempt's number; `nil` if it cannot have everything.
    mutating func attemptBegan() -> Int? {
        guard isReplayable else { return nil }
        nextReader += 1
        readers[nextReader] = Reader()
        return nextReader
    }

    mutating func attemptEnded(_ id: Int, isScarce: Bool) {
        readers[id] = nil
        if !readers.isEmpty { dropUnneeded(isScarce: isScarce) }
    }

    /// The response has begun: the request goes to whoever gives it, and to nobody else.
    mutating func committed() {
        isCommitted = true
        if !readers.isEmpty { dropUnneeded(isScarce: false) }
    }

    /// What an attempt got before was sent, and it wants more.
    mutating func more(for id: Int, isScarce: Bool) -> ReadAction {
        guard var reader = readers[id] else { return .gone }
        switch ending {
        case .failed(let error): return .fail(error)
        case .closed: return .gone
        case .open, .finished: break
        }
        guard !reader.isLeftBehind else {
            // Until one of the attempts has won it may still do so, if its peer answers without the rest.
            return isLeftBehindForGood ? .fail(OutgoingMessagesFailure.leftBehind) : .wait
        }
        reader.sent = reader.next
        readers[id] = reader
        dropUnneeded(isScarce: isScarce)
        let end = firstIndex + chunks.count - dropped
        guard reader.next < end else {
            if case .finished = ending { return .end }
            return .wait
        }
        let piece = piece(from: reader.next)
        reader.next += piece.count
        reader.takenBytes += piece.bytes.readableBytes
        readers[id] = reader
        return .messages(piece.bytes)
    }

    /// Whether an attempt has to wait for more.
    func hasNothing(for id: Int) -> Bool {
        guard let reader = readers[id] else { return false }
        switch ending {
        case .failed, .closed: return false
        case .open, .finished: if reader.isLeftBehind { return !isLeftBehindForGood }
        }
        guard case .open = ending else { return false }
        return reader.next >= firstIndex + chunks.count - dropped
    }

    /// Whether attempts that were left behind have nothing to hope for: one has won, or those that went on have failed.
    private var isLeftBehindForGood: Bool { isCommitted || readers.values.allSatisfy(\.isLeftBehind) }

    /// The chunks from one on, joined where they are small: each write to a connection costs more than a copy.
    private func piece(from index: Int) -> (bytes: ByteBuffer, count: Int) {
        let start = index - firstIndex + dropped
        let first = chunks[start]
        guard first.readableBytes < Self.joinLimit, start + 1 < chunks.count else { return (first, 1) }
        var length = first.readableBytes
        var end = start + 1
        while end < chunks.count, length + chunks[end].readableBytes <= Self.pieceLimit {
            length += chunks[end].readableBytes
            end += 1
        }
        guard end > start + 1 else { return (first, 1) }
        var joined = ByteBufferAllocator().buffer(capacity: length)
        for chunk in chunks[start..<end] { joined.writeImmutableBuffer(chunk) }
        return (joined, end - start)
    }

    /// Attempts side by side need what the slowest of them has not sent: too much of that is too much.
    private mutating func leaveBehind() {
        guard readers.count > 1, let furthest = readers.values.map(\.sent).max() else { return }
        for (id, reader) in readers where reader.sent < furthest { readers[id]?.isLeftBehind = true }
    }

    /// Drops what every attempt under way has sent, once no other can come, or too much is kept for one.
    private mutating func dropUnneeded(isScarce: Bool) {
        guard isCommitted || firstIndex > 0 || heldBytes > replayLimit || isScarce else { return }
        if heldBytes > replayLimit + highWatermark { leaveBehind() }
        guard let sent = readers.values.lazy.filter({ !$0.isLeftBehind }).map(\.sent).min(), sent > firstIndex
        else { return }
        while firstIndex < sent {
            heldBytes -= chunks[dropped].readableBytes
            chunks[dropped] = ByteBuffer()
            dropped += 1
            firstIndex += 1
        }
        // Amortised: each chunk is moved at most once for each time that the array halves.
        if dropped * 2 >= chunks.count {
            chunks.removeFirst(dropped)
            dropped = 0
        }
    }
}

/// Why an attempt cannot go on sending.
enum OutgoingMessagesFailure: Error {
    /// Another one went on without it.
    case leftBehind
}
