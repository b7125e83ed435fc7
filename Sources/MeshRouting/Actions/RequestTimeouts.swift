// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// How long a request and each of its attempts may take, once route and caller have both been heard.
public struct RequestTimeouts: Hashable, Sendable {
    /// How long the request may take; zero for ever.
    public var total: Nanoseconds
    /// How long an attempt may take; zero for as long as the request.
    public var attempt: Nanoseconds
    /// Whether an attempt that takes too long is left running beside the next one.
    public var hedgesOnAttemptTimeout: Bool

    /// Decides.
    /// - Parameters:
    ///   - route: The route's timeout; zero and `nil` for none. Give `nil` where the route limits the duration of streams
    ///     (`RouteAction.max_stream_duration`): Envoy leaves its timeout aside then.
    ///   - attempt: The retry policy's timeout of attempts; zero and `nil` for none.
    ///   - hedgesOnAttemptTimeout: Whether the route's hedging says so.
    ///   - wishes: What the caller asks for, which takes precedence.
    public init(
        route: Nanoseconds?,
        attempt: Nanoseconds? = nil,
        hedgesOnAttemptTimeout: Bool = false,
        wishes: CallerWishes = .none
    ) {
        total = wishes.timeout ?? route ?? .zero
        self.attempt = wishes.attemptTimeout ?? attempt ?? .zero
        self.hedgesOnAttemptTimeout = wishes.hedgesOnAttemptTimeout ?? hedgesOnAttemptTimeout
        // An attempt that may last as long as the request has no limit of its own.
        if total != .zero, self.attempt >= total { self.attempt = .zero }
    }

    /// How long the upstream has for an answer, in milliseconds: what an attempt says in
    /// `x-envoy-expected-rq-timeout-ms`; `nil` for nothing, which leaves what the caller says there.
    /// - Parameter elapsed: How long ago the request was complete.
    public func expectedMilliseconds(after elapsed: Nanoseconds) -> UInt64? {
        // While attempts run beside each other, the last of them may take as long as the request.
        let limit = hedgesOnAttemptTimeout || attempt == .zero ? total : attempt
        guard limit != .zero else { return nil }
        let (whole, gone) = (total.rawValue / 1_000_000, elapsed.rawValue / 1_000_000)
        // Zero would mean that there is no limit.
        guard total != .zero else { return max(1, limit.rawValue / 1_000_000) }
        return gone >= whole ? 1 : max(1, min(limit.rawValue / 1_000_000, whole - gone))
    }
}
