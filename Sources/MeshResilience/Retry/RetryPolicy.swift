// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// When a failed attempt is followed by another (`envoy.config.route.v3.RetryPolicy`).
public struct RetryPolicy: Hashable, Sendable {
    /// The most attempts, the first included; 1 means no retry.
    ///
    /// Default 2: Envoy's `num_retries` of 1.
    public var maximumAttempts: Int
    /// Which failures are followed by another attempt.
    public var conditions: RetryConditions
    /// The status codes that `RetryConditions.retriableStatusCodes` means.
    public var retriableStatusCodes: [Int]
    /// How long one attempt may take until the response's head arrives; `nil` leaves only the request's deadline, which
    /// is also what bounds the body.
    ///
    /// Default none: Envoy's `per_try_timeout`.
    public var perTryTimeout: Nanoseconds?
    /// How long to wait before each further attempt.
    public var backoff: Backoff
    /// Which requests may be sent again.
    public var replay: Replay
    /// Whether a further attempt avoids the endpoints that were tried (`previous_hosts`).
    public var avoidsPreviousEndpoints: Bool

    /// Which requests may be sent again.
    public enum Replay: Hashable, Sendable {
        /// Those that were provably not processed, and those whose method is idempotent.
        case harmless
        /// Every request that can be replayed, as Envoy does: a POST may be executed twice.
        case always
    }

    /// Creates a policy.
    public init(
        maximumAttempts: Int = 2,
        conditions: RetryConditions = .standard,
        retriableStatusCodes: [Int] = [],
        perTryTimeout: Nanoseconds? = nil,
        backoff: Backoff = Backoff(),
        replay: Replay = .harmless,
        avoidsPreviousEndpoints: Bool = true
    ) {
        self.maximumAttempts = maximumAttempts
        self.conditions = conditions
        self.retriableStatusCodes = retriableStatusCodes
        self.perTryTimeout = perTryTimeout
        self.backoff = backoff
        self.replay = replay
        self.avoidsPreviousEndpoints = avoidsPreviousEndpoints
    }

    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        problems.require(
            (1...1000).contains(maximumAttempts),
            "maximumAttempts",
            "must be from 1 to 1000, is \(maximumAttempts)"
        )
        problems.require(perTryTimeout != .zero, "perTryTimeout", "must be greater than 0")
        for (position, code) in retriableStatusCodes.enumerated() {
            problems.require(
                (100...599).contains(code),
                "retriableStatusCodes[\(position)]",
                "must be from 100 to 599, is \(code)"
            )
        }
        _ = problems.nest("backoff") { () throws(ConfigurationError) in try backoff.validate() }
        try problems.throwIfAny()
    }
}

/// Failures that are followed by another attempt, in Envoy's words (`retry_on`).
public struct RetryConditions: OptionSet, Hashable, Sendable {
    /// The conditions as bits.
    public let rawValue: UInt32

    /// Creates a set from its bits.
    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// `5xx`: a status of 500 or more, or no response at all.
    public static let serverError = RetryConditions(rawValue: 1 << 0)
    /// `gateway-error`: 502, 503 or 504, or no response at all.
    public static let gatewayError = RetryConditions(rawValue: 1 << 1)
    /// `reset`: no response at all.
    public static let reset = RetryConditions(rawValue: 1 << 2)
    /// `reset-before-request`: no response, and not a byte of the request was sent.
    public static let resetBeforeRequest = RetryConditions(rawValue: 1 << 3)
    /// `connect-failure`: no connection could be made.
    public static let connectFailure = RetryConditions(rawValue: 1 << 4)
    /// `retriable-4xx`: 409.
    public static let retriableClientError = RetryConditions(rawValue: 1 << 5)
    /// `refused-stream`: the peer said that it did not process the request.
    public static let refusedStream = RetryConditions(rawValue: 1 << 6)
    /// `retriable-status-codes`: a status of `RetryPolicy.retriableStatusCodes`.
    public static let retriableStatusCodes = RetryConditions(rawValue: 1 << 7)
    /// gRPC `cancelled`, in the response's headers.
    public static let grpcCancelled = RetryConditions(rawValue: 1 << 8)
    /// gRPC `deadline-exceeded`, in the response's headers.
    public static let grpcDeadlineExceeded = RetryConditions(rawValue: 1 << 9)
    /// gRPC `internal`, in the response's headers.
    public static let grpcInternal = RetryConditions(rawValue: 1 << 10)
    /// gRPC `resource-exhausted`, in the response's headers.
    public static let grpcResourceExhausted = RetryConditions(rawValue: 1 << 11)
    /// gRPC `unavailable`, in the response's headers.
    public static let grpcUnavailable = RetryConditions(rawValue: 1 << 12)

    /// What Istio's clients retry by default: connect-failure, refused-stream, unavailable, cancelled.
    public static let standard: RetryConditions = [
        .connectFailure, .refusedStream, .grpcUnavailable, .grpcCancelled, .resetBeforeRequest,
    ]

    /// The names of Envoy's `retry_on`, with the condition that each means.
    public static let names: [(name: String, condition: RetryConditions)] = [
        ("5xx", .serverError), ("gateway-error", .gatewayError), ("reset", .reset),
        ("reset-before-request", .resetBeforeRequest), ("connect-failure", .connectFailure),
        ("retriable-4xx", .retriableClientError), ("refused-stream", .refusedStream),
        ("retriable-status-codes", .retriableStatusCodes), ("cancelled", .grpcCancelled),
        ("deadline-exceeded", .grpcDeadlineExceeded), ("internal", .grpcInternal),
        ("resource-exhausted", .grpcResourceExhausted), ("unavailable", .grpcUnavailable),
    ]
}
