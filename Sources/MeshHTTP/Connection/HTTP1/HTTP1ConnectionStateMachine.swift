// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Decides what a connection of HTTP/1.1 does with what arrives on it, and when it is free for the next exchange.
///
/// ```
///   idle ──start──▶ exchanging ──abandoned──▶ draining ──▶ idle
///    ▲                  │  │                     │
///    └──both ends seen──┘  └──broken─▶ closed ◀──┘ too much, too long
/// ```
/// An exchange is over when the request was sent and the response was received to its end, in either order; the reader's
/// pace does not matter, because what was received is held by the exchange.
struct HTTP1ConnectionStateMachine: Equatable {
    /// What is known of the exchange under way.
    struct Progress: Equatable {
        var isRequestSent: Bool
        var isHeadReceived = false
        var isResponseReceived = false
        /// Whether both peers will go on using the connection.
        var isReusable: Bool
        /// How many bytes of the response's body are to come, if its head said so.
        var remaining: Int?
        /// The exchange is over for its owner; so many more bytes are worth reading to keep the connection.
        var drainBudget: Int?
    }

    enum State: Equatable {
        case idle
        case exchanging(Progress)
        case closed
    }

    /// What to do with a part of a response.
    enum PartAction: Equatable {
        /// It is the exchange's.
        case forward
        /// Nobody wants it.
        case discard
        /// It came unasked: close.
        case violation
        /// Reading on costs more than a new connection: close.
        case close
    }

    /// What becomes of the connection.
    enum Completion: Equatable {
        /// The exchange goes on.
        case none
        /// It is free.
        case release
        /// It is of no more use.
        case close
    }

    private(set) var state = State.idle
    /// How many more exchanges the connection may carry.
    var requestsLeft = UInt32.max
    /// Bytes that are worth reading to keep a connection whose response nobody wants.
    let drainLimit: Int

    init(drainLimit: Int) {
        self.drainLimit = drainLimit
    }

    var isIdle: Bool { state == .idle }
    var isClosed: Bool { state == .closed }
    /// Whether a response's head is what comes next.
    var awaitsHead: Bool {
        if case .exchanging(let progress) = state { !progress.isHeadReceived } else { false }
    }
    var isDraining: Bool {
        if case .exchanging(let progress) = state { progress.drainBudget != nil } else { false }
    }

    // MARK: The request

    /// An exchange begins on an idle connection.
    mutating func exchangeStarted(isRequestComplete: Bool, isReusable: Bool) {
        assert(state == .idle, "an exchange begins on an idle connection")
        requestsLeft -= 1
        state = .exchanging(Progress(isRequestSent: isRequestComplete, isReusable: isReusable && requestsLeft > 0))
    }

    /// The end of a streamed request was written.
    mutating func requestSent() -> Completion {
        guard case .exchanging(var progress) = state else { return .none }
        progress.isRequestSent = true
        state = .exchanging(progress)
        return complete(progress)
    }

    /// The rest of a streamed request will not be sent, so that the peer cannot tell where the next one begins.
    mutating func requestCutShort() -> Completion {
        guard case .exchanging(var progress) = state else { return .none }
        progress.isRequestSent = true
        progress.isReusable = false
        state = .exchanging(progress)
        return complete(progress)
    }

    // MARK: The response

    /// - Parameters:
    ///   - isKeepAlive: Whether the peer will go on using the connection.
    ///   - length: The length of the body, if the head tells.
    mutating func headReceived(isKeepAlive: Bool, length: Int?) -> PartAction {
        guard case .exchanging(var progress) = state, !progress.isHeadReceived else { return .violation }
        progress.isHeadReceived = true
        progress.isReusable = progress.isReusable && isKeepAlive
        progress.remaining = length
        state = .exchanging(progress)
        return .forward
    }

    mutating func bodyReceived(_ count: Int) -> PartAction {
        guard case .exchanging(var progress) = state, progress.isHeadReceived, !progress.isResponseReceived else {
            return .violation
        }
        if let remaining = progress.remaining { progress.remaining = remaining - count }
        guard let budget = progress.drainBudget else {
            state = .exchanging(progress)
            return .forward
        }
        progress.drainBudget = budget - count
        state = .exchanging(progress)
        return budget >= count ? .discard : .close
    }

    mutating func endReceived() -> PartAction {
        guard case .exchanging(var progress) = state, progress.isHeadReceived, !progress.isResponseReceived else {
            return .violation
        }
        progress.isResponseReceived = true
        state = .exchanging(progress)
        return progress.drainBudget == nil ? .forward : .discard
    }

    /// Everything that had arrived was looked at. Only now is the connection free: bytes right behind a response belong
    /// to no request, and must not become the answer to the next one.
    mutating func readCompleted() -> Completion {
        guard case .exchanging(let progress) = state else { return .none }
        return complete(progress)
    }

    // MARK: The end

    /// The owner of the exchange wants no more of it.
    /// - Parameter mayDrain: Whether a small rest may be read, to keep the connection.
    mutating func exchangeAbandoned(mayDrain: Bool) -> Completion {
        guard case .exchanging(var progress) = state, progress.drainBudget == nil else { return .none }
        let isWorthIt =
            mayDrain && progress.isReusable && progress.isRequestSent && progress.isHeadReceived
            && progress.remaining ?? 0 <= drainLimit
        guard isWorthIt else { return .close }
        progress.drainBudget = drainLimit
        state = .exchanging(progress)
        return .none
    }

    mutating func closed() {
        state = .closed
    }

    private mutating func complete(_ progress: Progress) -> Completion {
        guard progress.isResponseReceived, progress.isRequestSent else { return .none }
        guard progress.isReusable else { return .close }
        state = .idle
        return .release
    }
}
