// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import HTTPTypes
import MeshCore
import MeshHTTP
import NIOCore
import ServiceMesh
import Synchronization

/// One call: a request on the mesh's stack, opened by whoever reads its response first.
///
/// The reader's task carries the call through the layers, so that a unary one needs no task of its own.
final class RPCCall: Sendable {
    private struct State {
        /// What travels with the request, once its response has begun and until it is finished.
        var context: CallContext?
        /// How its response ended; `nil` while it has not.
        var ending: ExchangeEnding?
        var status: Status.Code?
        var receivedBytes: UInt64 = 0
        var isOver = false
    }

    let outgoing: OutgoingMessages
    let settings: CallSettings
    private let stack: HTTPStack
    private let mesh: Mesh
    private let connectivity: ConnectivityTracker
    private let state = Mutex(State())

    init(
        _ settings: CallSettings,
        on stack: HTTPStack,
        of mesh: Mesh,
        outgoing: OutgoingMessages,
        connectivity: ConnectivityTracker
    ) {
        self.settings = settings
        self.stack = stack
        self.mesh = mesh
        self.outgoing = outgoing
        self.connectivity = connectivity
    }

    /// A random number.
    var random: UInt64 { mesh.random.next() }

    // MARK: Opening

    /// Sends the request, as often as the route says, and returns at the response's head.
    func open() async throws -> OutboundResponse {
        let beginning = try await outgoing.beginning(asWhole: settings.hasSingleRequest)
        let request = try request(of: beginning)
        var readiness = Readiness(settings)
        connectivity.callBegan()
        while true {
            var context = mesh.makeContext(deadline: settings.deadline)
            context.isRPC = true
            context.isRetriedByCaller = settings.isRetriedByCaller
            do {
                switch try await stack.open(request, context: &context) {
                case .exchange(let response):
                    connectivity.answered()
                    outgoing.commit()
                    keep(context)
                    return response
                case .reply(let response):
                    outgoing.commit()
                    return response
                }
            } catch {
                connectivity.failed(error)
                guard outgoing.isReplayable else { throw error }
                switch readiness.failed(error, random: mesh.random.next()) {
                case .fail: throw error
                case .awaitConfiguration(let longest):
                    let deadline = context.deadline
                    let left = deadline.isNever ? longest : min(longest, deadline.remaining(at: mesh.clock.now))
                    do {
                        try await mesh.ready(timeout: left.duration)
                    } catch let refusal as MeshError {
                        throw deadline.hasPassed(at: mesh.clock.now) ? Self.outlasted(refusal) : refusal
                    }
                case .pause(let time):
                    let until = mesh.clock.now.advanced(by: time)
                    // Whoever gives up meanwhile hears why the last try failed.
                    guard !context.deadline.hasPassed(at: until) else { throw Self.outlasted(error) }
                    try await mesh.clock.sleep(until: until)
                }
            }
        }
    }

    private func request(of beginning: OutgoingMessages.Beginning) throws(RPCError) -> OutboundRequest {
        var fields = settings.fields
        if !settings.deadline.isNever {
            // For routes that bound it; the connection writes what is left then.
            let left = settings.deadline.remaining(at: mesh.clock.now)
            fields[.grpcTimeout] = TimeoutHeaders.grpcTimeout(of: left)
        }
        let own = fields.metadataBytes
        try fields.append(beginning.metadata)
        let bytes = fields.metadataBytes - own
        guard bytes <= settings.metadataLimits.hard else {
            throw RPCError(
                code: .resourceExhausted,
                message: "the metadata has \(bytes) bytes; at most \(settings.metadataLimits.hard) may be sent"
            )
        }
        let head = HTTPRequest(
            method: .post,
            scheme: "http",
            authority: settings.authority,
            path: settings.path,
            headerFields: fields
        )
        guard let whole = beginning.whole else { return OutboundRequest(head, body: .kept(outgoing)) }
        return OutboundRequest(head, body: whole.readableBytes > 0 ? .bytes(whole) : .none)
    }

    private func keep(_ context: CallContext) {
        let isLate = state.withLock { state in
            if !state.isOver { state.context = context }
            return state.isOver
        }
        guard isLate else { return }
        var context = context
        stack.finish(&context, .cancelled)
    }

    private static func outlasted(_ error: any Error) -> any Error {
        MeshError(
            .deadlineExceeded,
            origin: .local,
            message: "the deadline would pass before the call is tried again, which waits for ready",
            cause: error
        )
    }

    // MARK: The response

    /// The response has ended with a status.
    func ended(_ status: Status.Code, receivedBytes: UInt64) {
        state.withLock { state in
            state.status = status
            state.receivedBytes = receivedBytes
            if state.ending == nil { state.ending = .completed }
        }
        // Nobody listens to the rest of the request.
        outgoing.close()
    }

    /// The response broke.
    func broke(_ error: any Error) {
        state.withLock { state in
            if state.ending == nil { state.ending = ExchangeEnding(error: error) }
        }
        outgoing.close()
    }

    /// Whoever made the call is done with it. What was not read is thrown away.
    func end() {
        outgoing.close()
        let (context, ending, status, received) = state.withLock { state in
            state.isOver = true
            return (state.context.take(), state.ending ?? .cancelled, state.status, state.receivedBytes)
        }
        guard var context else { return }
        if let status { context.rpcStatus = Int16(clamping: status.rawValue) }
        context.sentMessageBytes = outgoing.messageBytes
        context.receivedMessageBytes = received
        stack.finish(&context, ending)
    }

    /// The transport gives up all calls.
    func abort() {
        let exchange = state.withLock { $0.context?.exchange }
        outgoing.finish(throwing: RPCError(code: .cancelled, message: "the transport was cancelled"))
        (exchange as? any CancellableExchange)?.cancel()
    }
}
