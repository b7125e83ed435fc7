// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
import Synchronization

/// A network in memory: answers come from a script, and every exchange is accounted for.
public final class InMemoryTransport: Transport {
    /// What the network does with an attempt.
    public enum Step: Sendable {
        /// Answers with a status.
        case respond(InMemoryResponse)
        /// Fails as the network does.
        case fail(MeshError)
        /// Answers after a while of the clock; the earlier of the context's deadlines ends the wait.
        case respondAfter(Nanoseconds, InMemoryResponse)

        /// Answers with a status.
        public static func status(_ code: Int) -> Step { .respond(InMemoryResponse(code)) }

        /// The connection cannot be made.
        public static var refuseConnection: Step {
            .fail(MeshError(.connectionFailed, origin: .upstream, message: "connection refused"))
        }

        /// The connection ends before the answer.
        public static var closeConnection: Step {
            .fail(
                MeshError(
                    .connectionClosed,
                    origin: .upstream,
                    requestState: .maybeSent,
                    message: "the connection was closed before the response"
                )
            )
        }
    }

    /// An attempt that reached the network.
    public struct Sent: Sendable {
        /// The request.
        public var request: InMemoryRequest
        /// The endpoint that it went to.
        public var endpoint: EndpointAddress?
        /// The attempt's number.
        public var attempt: Int
        /// The trace that went on the wire.
        public var trace: TraceContext
        /// The request's deadline.
        public var deadline: Deadline
        /// The deadline that it had for the response's head: the earlier of the request's and the attempt's.
        public var headDeadline: Deadline
    }

    private struct State {
        var sent: [Sent] = []
        var open = 0
        var endings: [ExchangeEnding] = []
    }

    /// The trailers of a response, which is read to its end as soon as it is there.
    private final class Trailers: TrailingFields {
        private let fields: [HeaderName: String]

        init(_ fields: [HeaderName: String]) { self.fields = fields }

        func trailer(_ name: HeaderName) -> String? { fields[name] }
    }

    private let clock: any MeshClock
    private let answer: @Sendable (Sent, Int) -> Step
    private let state = Mutex(State())

    /// Creates a network.
    /// - Parameters:
    ///   - clock: What `respondAfter` waits on.
    ///   - answer: What to do with an attempt, given its number over all, from 0.
    public init(clock: any MeshClock = SystemClock(), answer: @escaping @Sendable (Sent, Int) -> Step) {
        self.clock = clock
        self.answer = answer
    }

    /// Creates a network that follows a script and repeats its last step.
    public convenience init(_ script: [Step], clock: any MeshClock = SystemClock()) {
        self.init(clock: clock) { _, number in
            script.isEmpty ? .status(200) : script[min(number, script.count - 1)]
        }
    }

    /// The attempts that reached the network, in order.
    public var sent: [Sent] { state.withLock { $0.sent } }
    /// How the exchanges ended, in order.
    public var endings: [ExchangeEnding] { state.withLock { $0.endings } }
    /// Exchanges whose response was returned and that were not finished yet.
    public var openExchanges: Int { state.withLock { $0.open } }

    /// Sends a request.
    public func send(_ request: InMemoryRequest, context: inout CallContext) async throws -> InMemoryResponse {
        let attempt = Sent(
            request: request,
            endpoint: context.endpoint?.address,
            attempt: context.attempt,
            trace: context.trace,
            deadline: context.deadline,
            headDeadline: context.headDeadline
        )
        let number = state.withLock { state in
            state.sent.append(attempt)
            return state.sent.count - 1
        }
        context.requestState = .notSent
        let response: InMemoryResponse
        switch answer(attempt, number) {
        case .respond(let scripted): response = scripted
        case .fail(let error):
            context.requestState = error.requestState
            throw error
        case .respondAfter(let wait, let scripted):
            context.requestState = .maybeSent
            try await self.wait(wait, deadline: context.headDeadline)
            response = scripted
        }
        context.requestState = .answered
        context.openExchanges += 1
        context.exchange = response.trailers.isEmpty ? nil : Trailers(response.trailers)
        state.withLock { $0.open += 1 }
        return response
    }

    private func wait(_ duration: Nanoseconds, deadline: Deadline) async throws {
        let ready = clock.now.advanced(by: duration)
        try await clock.sleep(until: min(ready, deadline.instant))
        if deadline.instant < ready {
            throw MeshError(
                .deadlineExceeded,
                origin: .upstream,
                requestState: .maybeSent,
                message: "the deadline passed before the response"
            )
        }
    }

    /// Ends an exchange.
    public func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
        context.openExchanges -= 1
        context.exchange = nil
        state.withLock { state in
            state.open -= 1
            state.endings.append(ending)
        }
    }
}
