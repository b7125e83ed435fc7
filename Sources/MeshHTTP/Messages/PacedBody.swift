// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore
import NIOCore
import Synchronization

/// A body that is handed out more slowly than it comes, because a fault says so.
final class PacedBody: ForeignBody {
    private struct State {
        var pace: ResponsePace
        /// What has come and may not be handed out yet.
        var rest: ByteBuffer?
        /// Whether the bytes of a body in memory were taken.
        var isTaken = false
    }

    private let body: ResponseBody
    private let clock: any MeshClock
    private let deadline: Deadline
    // One task reads; the lock is for the compiler, which cannot know.
    private let state: Mutex<State>

    init(_ body: ResponseBody, bytesPerSecond: UInt64, deadline: Deadline, clock: any MeshClock) {
        self.body = body
        self.clock = clock
        self.deadline = deadline
        self.state = Mutex(State(pace: ResponsePace(bytesPerSecond: bytesPerSecond, from: clock.now)))
    }

    var trailers: HTTPFields? { body.trailers }

    func nextChunk() async throws -> ByteBuffer? {
        guard var chunk = try await chunkAtHand() else { return nil }
        while true {
            let now = clock.now
            let grant = state.withLock { $0.pace.bytesWanted(chunk.readableBytes, at: now) }
            if grant.bytes > 0, let slice = chunk.readSlice(length: grant.bytes) {
                let rest = chunk.readableBytes > 0 ? chunk : nil
                state.withLock { $0.rest = rest }
                return slice
            }
            try await clock.sleep(until: min(grant.nextAt, deadline.instant))
            guard !deadline.hasPassed(at: clock.now) else {
                throw MeshError(
                    .deadlineExceeded,
                    origin: .local,
                    requestState: .answered,
                    message: "the deadline passed while a fault held the response's body back"
                )
            }
        }
    }

    /// What is left of the last chunk, or the next one; `nil` at the end.
    private func chunkAtHand() async throws -> ByteBuffer? {
        if let rest = state.withLock({ $0.rest.take() }) { return rest }
        while true {
            let next: ByteBuffer?
            switch body.source {
            case .exchange(let exchange): next = try await exchange.nextChunk()
            case .foreign(let body): next = try await body.nextChunk()
            case .memory(let bytes, _):
                let isTaken = state.withLock { state in
                    defer { state.isTaken = true }
                    return state.isTaken
                }
                next = isTaken ? nil : bytes
            }
            // An empty chunk has nothing to hold back.
            guard next?.readableBytes == 0 else { return next }
        }
    }
}

extension OutboundResponse {
    /// The response with a body as fast as its request's context says.
    func paced(_ context: borrowing CallContext, clock: any MeshClock) -> OutboundResponse {
        let rate = context.responseBytesPerSecond
        guard rate > 0 else { return self }
        var slow = self
        slow.body = ResponseBody(PacedBody(body, bytesPerSecond: rate, deadline: context.deadline, clock: clock))
        return slow
    }
}
