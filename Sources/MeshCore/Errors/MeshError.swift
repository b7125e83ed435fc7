// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Why a call through the mesh failed, and whether it may be tried again.
///
/// Layers fill in the context as the error rises: where it went, on which attempt, by which route.
public struct MeshError: Error, Sendable {
    /// What went wrong.
    public var code: Code
    /// Who caused it.
    public var origin: Origin
    /// How far the request came; retry safety follows from it.
    public var requestState: RequestState
    /// One sentence for a person.
    public var message: String
    /// The error underneath, if there is one.
    public var cause: (any Error)?
    /// The route that was selected.
    public var route: String?
    /// The cluster that was selected.
    public var cluster: String?
    /// The endpoint that was picked.
    public var endpoint: EndpointAddress?
    /// The attempt, counted from 1; 0 if no attempt was made.
    public var attempt: Int
    /// Why a policy refused, if one did.
    public var reason: PolicyDecision.Reason?
    /// The earliest time at which trying again makes sense, if it is known.
    public var retryAfter: Nanoseconds?
    /// The answer that the caller of a proxy would have got. Clients turn injected aborts into a response with it.
    public var localReply: LocalReply?
    /// A flag in place of the code's: a deadline that a route's timeout set passes as `UT`, and any other as `DT`.
    package var flagInPlace: ResponseFlag?

    /// Who caused a failure.
    public enum Origin: String, Hashable, Sendable {
        /// The caller: it cancelled, or its request was bad.
        case downstream
        /// This process: a limit, a rule, a missing route.
        case local
        /// The peer or the network on the way to it.
        case upstream
    }

    /// Creates an error.
    public init(
        _ code: Code,
        origin: Origin,
        requestState: RequestState = .notSent,
        message: String,
        cause: (any Error)? = nil,
        reason: PolicyDecision.Reason? = nil,
        retryAfter: Nanoseconds? = nil,
        localReply: LocalReply? = nil
    ) {
        self.code = code
        self.origin = origin
        self.requestState = requestState
        self.message = message
        self.cause = cause
        self.attempt = 0
        self.reason = reason
        self.retryAfter = retryAfter
        self.localReply = localReply
    }

    /// Envoy's response flag; `nil` where Envoy sets none. That of the code, unless `flagInPlace` is another one.
    public var flag: ResponseFlag? { flagInPlace ?? code.flag }

    /// A bounded label for metrics and access logs: Envoy's response flag, `-` if there is none.
    public var shortCode: String { flag?.rawValue ?? "-" }
}

extension MeshError: CustomStringConvertible {
    /// The code, the message and all that is known of where it happened.
    public var description: String {
        var text = "\(code) [\(shortCode)]: \(message)"
        if let route { text += "; route \(route)" }
        if let cluster { text += "; cluster \(cluster)" }
        if let endpoint { text += "; endpoint \(endpoint)" }
        if attempt > 0 { text += "; attempt \(attempt)" }
        if requestState != .notSent { text += "; request \(requestState)" }
        if let cause { text += "; cause: \(cause)" }
        return text
    }
}
