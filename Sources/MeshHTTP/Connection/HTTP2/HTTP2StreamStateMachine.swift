// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Decides what a stream does with what arrives on it, and when it is over.
///
/// ```
///   open ──response ended, request sent──▶ over
///    │ └──response ended, request not sent──▶ over, reset with NO_ERROR (RFC 9113 §8.1)
///    └──abandoned──▶ draining ──▶ over, or reset with CANCEL when it takes too much
/// ```
struct HTTP2StreamStateMachine: Equatable {
    /// What a header block is.
    enum HeadersAction: Equatable {
        /// Another head follows.
        case interim
        case head
        case trailers
        /// Nobody wants it.
        case discard
        /// It must not come here.
        case violation
        /// More interim responses than anybody sends in good faith.
        case flood
    }

    /// What to do with a piece of the body.
    enum BodyAction: Equatable {
        case forward
        case discard
        case violation
        /// Reading on costs more than it is worth.
        case cancel
    }

    /// What becomes of the stream.
    enum Completion: Equatable {
        case none
        /// Both sides have said all they have to say.
        case over
        /// The response is complete and the request will not be.
        case resetWithoutError
        /// Nobody wants the rest.
        case cancel
    }

    private(set) var isHeadReceived = false
    private(set) var isResponseReceived = false
    private var isRequestSent: Bool
    private var remaining: Int?
    private var drainBudget: Int?
    private var interimCount = 0
    private let drainLimit: Int

    /// Interim responses are few: more than these are a flood.
    static let maximumInterimResponses = 100

    init(isRequestComplete: Bool, drainLimit: Int) {
        self.isRequestSent = isRequestComplete
        self.drainLimit = drainLimit
    }

    /// Whether the exchange is over for its owner, and only the rest is read.
    var isDraining: Bool { drainBudget != nil }

    // MARK: The request

    /// The end of the request was written.
    mutating func requestSent() -> Completion {
        isRequestSent = true
        return completion
    }

    /// The rest of the request will not be sent. The response may go on all the same.
    mutating func requestCutShort() -> Completion {
        completion
    }

    // MARK: The response

    /// - Parameters:
    ///   - status: The status; `nil` for a block without one.
    ///   - length: The length of the body, if the block tells it.
    ///   - isEnd: Whether nothing follows.
    mutating func headersReceived(status: Int?, length: Int?, isEnd: Bool) -> HeadersAction {
        guard !isResponseReceived else { return .violation }
        guard let status else {
            guard isHeadReceived, isEnd else { return .violation }
            isResponseReceived = true
            return isDraining ? .discard : .trailers
        }
        guard !isHeadReceived, status != 101 else { return .violation }
        if (100...199).contains(status) {
            interimCount += 1
            guard !isEnd else { return .violation }
            return interimCount > Self.maximumInterimResponses ? .flood : .interim
        }
        isHeadReceived = true
        isResponseReceived = isEnd
        remaining = length
        return .head
    }

    mutating func dataReceived(_ count: Int, isEnd: Bool) -> BodyAction {
        guard isHeadReceived, !isResponseReceived else { return .violation }
        if let remaining { self.remaining = remaining - count }
        isResponseReceived = isEnd
        guard let budget = drainBudget else { return .forward }
        drainBudget = budget - count
        return budget >= count ? .discard : .cancel
    }

    /// Everything that had arrived was looked at.
    mutating func readCompleted() -> Completion {
        completion
    }

    // MARK: The end

    /// The owner of the exchange wants no more of it.
    /// - Parameter mayDrain: Whether a small rest may be read: servers count resets, and close on those who send many.
    mutating func exchangeAbandoned(mayDrain: Bool) -> Completion {
        guard !isDraining else { return .none }
        guard mayDrain, isRequestSent, isHeadReceived, remaining ?? 0 <= drainLimit else { return .cancel }
        drainBudget = drainLimit
        return .none
    }

    private var completion: Completion {
        guard isResponseReceived else { return .none }
        return isRequestSent ? .over : .resetWithoutError
    }
}
