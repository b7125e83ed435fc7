// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import HTTPTypes
import MeshCore
import MeshHTTP
import NIOCore
import Synchronization

/// A call on another transport of grpc-swift: its task keeps the stream open and hands over what comes, part by part.
final class RelayedExchange: ForeignBody, CancellableExchange, TrailingFields {
    /// What the task hands over.
    private enum Part: Sendable {
        case head(HTTPResponse)
        case chunk(ByteBuffer)
        case trailers(HTTPFields)
    }

    private typealias Parts = NIOThrowingAsyncSequenceProducer<
        Part, any Error, NIOAsyncSequenceProducerBackPressureStrategies.HighLowWatermark, RoomSignal
    >

    /// Tells the task that parts are wanted again.
    private final class RoomSignal: NIOAsyncSequenceProducerDelegate {
        private let (room, signal) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

        func produceMore() { signal.yield() }
        func didTerminate() { signal.finish() }

        /// Waits until parts are wanted, or nobody wants any.
        func wait() async {
            for await _ in room { return }
        }
    }

    private struct State {
        var task: Task<Void, Never>?
        /// Whether the other transport has given it a stream.
        var hasBegun = false
        var hasHead = false
        var trailers: HTTPFields?
        var isOver = false
    }

    private let state = Mutex(State())
    private let reader: PartReader
    private let source: Parts.Source
    private let room: RoomSignal
    private let released: @Sendable () -> Void

    /// - Parameter released: Is called once, when nobody wants more of the call.
    init(_ released: @escaping @Sendable () -> Void) {
        let room = RoomSignal()
        let made = Parts.makeSequence(
            backPressureStrategy: .init(lowWatermark: 1, highWatermark: 4),
            finishOnDeinit: true,
            delegate: room
        )
        self.room = room
        self.reader = PartReader(made.sequence)
        self.source = made.source
        self.released = released
    }

    /// The one iterator of the parts.
    ///
    /// Unchecked: a response is read by one task at a time, which `ResponseBody` asks of its reader.
    private final class PartReader: @unchecked Sendable {
        private var iterator: Parts.AsyncIterator

        init(_ parts: Parts) {
            self.iterator = parts.makeAsyncIterator()
        }

        @concurrent
        func next() async throws -> Part? {
            try await iterator.next()
        }
    }

    // MARK: The task

    /// Begins the call.
    func start<Base: ClientTransport>(_ request: RelayedRequest, on base: Base, clock: any MeshClock) {
        // The exchange owns it: `finish` cancels it, and it ends with the call.
        let task = Task { await relay(request, on: base, clock: clock) }
        let isLate = state.withLock { state in
            state.task = task
            return state.isOver
        }
        if isLate { task.cancel() }
    }

    private func relay<Base: ClientTransport>(
        _ request: RelayedRequest,
        on base: Base,
        clock: any MeshClock
    ) async {
        do {
            try await withThrowingTaskGroup(of: Bool.self) { group in
                group.addTask {
                    try await base.withStream(descriptor: request.descriptor, options: request.options) { stream, _ in
                        try await self.carry(request, stream)
                    }
                    return true
                }
                for (deadline, limit) in limits(request) where !deadline.isNever {
                    group.addTask {
                        try await clock.sleep(until: deadline.instant)
                        if let error = self.passed(limit) { throw error }
                        return false
                    }
                }
                defer { group.cancelAll() }
                // The call is over when its stream is.
                while let isOver = try await group.next(), !isOver {}
            }
            source.finish()
        } catch {
            source.finish(failure(error))
        }
    }

    /// What has a time of its own.
    private enum Limit {
        case connection
        case head(isAttemptBound: Bool)
        case call
    }

    private func limits(_ request: RelayedRequest) -> [(Deadline, Limit)] {
        [
            (request.connectDeadline, .connection),
            (request.headDeadline, .head(isAttemptBound: request.isAttemptBound)),
            (request.deadline, .call),
        ]
    }

    /// The error of a limit that has passed; `nil` if what it bounds has happened.
    private func passed(_ limit: Limit) -> MeshError? {
        let (hasBegun, hasHead) = state.withLock { ($0.hasBegun, $0.hasHead) }
        switch limit {
        case .connection where !hasBegun:
            return MeshError(.connectionFailed, origin: .local, message: "no connection was ready in time")
        case .head(let isAttemptBound) where !hasHead:
            return MeshError(
                isAttemptBound ? .attemptTimeout : .deadlineExceeded,
                origin: .local,
                requestState: hasBegun ? .maybeSent : .notSent,
                message: "no response came in time"
            )
        case .call:
            return MeshError(
                .deadlineExceeded,
                origin: .local,
                requestState: hasHead ? .answered : hasBegun ? .maybeSent : .notSent,
                message: "the call did not end in time"
            )
        case .connection, .head: return nil
        }
    }

    private func carry<Bytes: GRPCContiguousBytes & Sendable>(
        _ request: RelayedRequest,
        _ stream: RPCStream<
            RPCAsyncSequence<RPCResponsePart<Bytes>, any Error>, RPCWriter<RPCRequestPart<Bytes>>.Closable
        >
    ) async throws {
        state.withLock { $0.hasBegun = true }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                do {
                    try await request.write(to: stream.outbound)
                } catch {
                    await stream.outbound.finish(throwing: error)
                    // A writer that the peer's answer has made needless is no failure.
                    if !self.state.withLock({ $0.hasHead }) { throw error }
                }
            }
            group.addTask { try await self.read(stream.inbound) }
            try await group.next()
            try await group.next()
        }
    }

    private func read<Bytes: GRPCContiguousBytes & Sendable>(
        _ parts: RPCAsyncSequence<RPCResponsePart<Bytes>, any Error>
    ) async throws {
        for try await part in parts {
            switch part {
            case .metadata(let metadata): try await put(.head(try Self.head(metadata)))
            case .message(let bytes):
                var chunk = ByteBufferAllocator().buffer(capacity: bytes.count + MessageFraming.prefixLength)
                chunk.writeInteger(UInt8(0))
                chunk.writeInteger(UInt32(clamping: bytes.count))
                bytes.withUnsafeBytes { _ = chunk.writeBytes($0) }
                try await put(.chunk(chunk))
            case .status(let status, let metadata):
                var fields = HTTPFields()
                try fields.append(metadata.withoutPseudoFields)
                status.write(to: &fields)
                guard state.withLock({ $0.hasHead }) else {
                    fields[.contentType] = "application/grpc"
                    try await put(.head(HTTPResponse(status: .ok, headerFields: fields)))
                    return
                }
                try await put(.trailers(fields))
                return
            }
        }
        throw MeshError(
            .connectionClosed,
            origin: .upstream,
            requestState: .maybeSent,
            message: "the call ended without a status"
        )
    }

    private static func head(_ metadata: Metadata) throws(RPCError) -> HTTPResponse {
        var fields: HTTPFields = [.contentType: "application/grpc"]
        try fields.append(metadata.withoutPseudoFields)
        return HTTPResponse(status: .ok, headerFields: fields)
    }

    private func put(_ part: Part) async throws {
        switch part {
        case .head: state.withLock { $0.hasHead = true }
        case .trailers(let fields): state.withLock { $0.trailers = fields }
        case .chunk: break
        }
        switch source.yield(part) {
        case .produceMore: break
        case .stopProducing:
            await room.wait()
            try Task.checkCancellation()
        case .dropped: throw CancellationError()
        }
    }

    /// What the mesh makes of an error of the other transport.
    private func failure(_ error: any Error) -> any Error {
        let (hasBegun, hasHead) = state.withLock { ($0.hasBegun, $0.hasHead) }
        guard let error = error as? RPCError else { return error }
        let requestState: RequestState = hasHead ? .answered : hasBegun ? .maybeSent : .notSent
        let code: MeshError.Code =
            switch error.code {
            case .cancelled: .cancelled
            case .deadlineExceeded: .deadlineExceeded
            case .unavailable: hasBegun ? .connectionClosed : .connectionFailed
            default: hasBegun ? .protocolViolation : .connectionFailed
            }
        return MeshError(code, origin: .upstream, requestState: requestState, message: "\(error)", cause: error)
    }

    // MARK: The reader

    /// Waits for the response's head.
    func head() async throws -> HTTPResponse {
        guard case .head(let head)? = try await reader.next() else { throw CancellationError() }
        return head
    }

    func nextChunk() async throws -> ByteBuffer? {
        guard case .chunk(let chunk)? = try await reader.next() else {
            // A reader that is cancelled gets nothing, which must not look like the body's end.
            if trailers == nil { try Task.checkCancellation() }
            return nil
        }
        return chunk
    }

    var trailers: HTTPFields? { state.withLock { $0.trailers } }

    func trailer(_ name: HeaderName) -> String? {
        guard let trailers, let field = HTTPField.Name("\(name)") else { return nil }
        return trailers[field]
    }

    /// Nobody wants the rest of it.
    func finish() {
        let (isFirst, task) = state.withLock { state in
            defer { state.isOver = true }
            return (!state.isOver, state.task)
        }
        guard isFirst else { return }
        task?.cancel()
        // A transport that goes now still lets the stream end.
        released()
    }

    func cancel() {
        source.finish(MeshError(.cancelled, origin: .downstream, message: "the call was given up"))
        finish()
    }
}

extension Metadata {
    /// Without what HTTP/2 says of the response itself (`:status`), which some transports leave among the metadata.
    fileprivate var withoutPseudoFields: Metadata {
        guard contains(where: { $0.key.hasPrefix(":") }) else { return self }
        var metadata = Metadata()
        for (key, value) in self where !key.hasPrefix(":") {
            switch value {
            case .string(let text): metadata.addString(text, forKey: key)
            case .binary(let bytes): metadata.addBinary(bytes, forKey: key)
            }
        }
        return metadata
    }
}
