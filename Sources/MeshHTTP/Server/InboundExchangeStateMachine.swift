// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// How far a request that is served has come, and what its end means for its connection.
///
/// ```
///   response:  waiting ──headWritten──▶ streaming ──responseEnded──▶ ended
///                 │ cut: answer             │ cut: abort
///                 ▼                         ▼
///               ended                     ended
/// ```
struct InboundExchangeStateMachine: Equatable {
    /// Why a request was ended before its handler was done.
    enum Cut: Equatable {
        /// The caller's deadline has passed.
        case deadlinePassed
        /// The connection is gone, or the stream was reset.
        case callerLeft
        /// The caller neither sends the body that is waited for, nor takes the response.
        case stalled
    }

    /// What a cut asks for. Every one but the first asks for the handler's cancellation, too.
    enum CutAction: Equatable {
        /// Nothing: it came too late.
        case none
        /// Nobody is left to tell.
        case cancel
        /// Nobody has answered yet: the mesh does.
        case answer
        /// The answer has begun: only the end of the connection or stream says that it is incomplete.
        case abort
    }

    /// What becomes of the connection after a response.
    enum Completion: Equatable {
        /// It takes the next request.
        case reuse
        /// It takes the next request once the rest of this one has been thrown away.
        case discardRest
        /// It closes.
        case close
    }

    private enum Response: Equatable {
        case waiting, streaming, ended
    }

    private var response = Response.waiting
    private(set) var cut: Cut?
    private(set) var isRequestEnded = false
    /// Whether the connection ends with this exchange.
    private(set) var closes: Bool

    /// - Parameter closes: Whether the caller asked for the connection's end.
    init(closes: Bool) {
        self.closes = closes
    }

    /// Whether the response's head may still be written.
    var isUnanswered: Bool { response == .waiting }
    /// Whether nothing more of the response will be written.
    var isAnswered: Bool { response == .ended }

    /// The request is complete.
    /// - Returns: Whether the connection waited only for that.
    mutating func requestEnded() -> Bool {
        isRequestEnded = true
        return response == .ended
    }

    /// The response's head is about to be written.
    /// - Parameter closes: Whether the server wants the connection's end.
    /// - Returns: Whether it may be written: a cut may have come first.
    mutating func headWritten(closes: Bool) -> Bool {
        guard response == .waiting else { return false }
        response = .streaming
        self.closes = self.closes || closes
        return true
    }

    /// The response is complete.
    mutating func responseEnded() -> Completion {
        response = .ended
        if closes { return .close }
        return isRequestEnded ? .reuse : .discardRest
    }

    /// The request is ended before its handler is done.
    mutating func wasCut(_ reason: Cut) -> CutAction {
        guard response != .ended, cut == nil else { return .none }
        cut = reason
        switch (reason, response) {
        case (.callerLeft, _):
            response = .ended
            return .cancel
        case (_, .waiting): return .answer
        case (_, .streaming), (_, .ended):
            response = .ended
            return .abort
        }
    }
}
