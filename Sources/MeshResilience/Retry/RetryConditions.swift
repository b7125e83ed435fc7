// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

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

    /// `envoy-ratelimited`: the answer carries `x-envoy-ratelimited`. Without it such an answer is never retried.
    public static let envoyRateLimited = RetryConditions(rawValue: 1 << 13)

    /// `retriable-headers`: the answer has a header that one of `RetryPolicy.retriableHeaders` names.
    public static let retriableHeaders = RetryConditions(rawValue: 1 << 14)

    /// What Istio's clients retry by default: connect-failure, refused-stream, unavailable, cancelled.
    public static let standard: RetryConditions = [
        .connectFailure, .refusedStream, .grpcUnavailable, .grpcCancelled, .resetBeforeRequest,
    ]

    /// What gRPC's clients retry by (gRFC A44): statuses, and nothing of HTTP's.
    public static let grpcStatuses: RetryConditions = [
        .grpcCancelled, .grpcDeadlineExceeded, .grpcInternal, .grpcResourceExhausted, .grpcUnavailable,
    ]

    /// The names of Envoy's `retry_on`, with the condition that each means.
    public static let names: [(name: String, condition: RetryConditions)] = [
        ("5xx", .serverError), ("gateway-error", .gatewayError), ("reset", .reset),
        ("reset-before-request", .resetBeforeRequest), ("connect-failure", .connectFailure),
        ("retriable-4xx", .retriableClientError), ("refused-stream", .refusedStream),
        ("retriable-status-codes", .retriableStatusCodes), ("cancelled", .grpcCancelled),
        ("deadline-exceeded", .grpcDeadlineExceeded), ("internal", .grpcInternal),
        ("resource-exhausted", .grpcResourceExhausted), ("unavailable", .grpcUnavailable),
        ("envoy-ratelimited", .envoyRateLimited), ("retriable-headers", .retriableHeaders),
    ]
}

extension RetryConditions {
    /// The condition that a gRPC status stands for, if one does.
    init?(grpcStatus: Int) {
        switch grpcStatus {
        case 1: self = .grpcCancelled
        case 4: self = .grpcDeadlineExceeded
        case 8: self = .grpcResourceExhausted
        case 13: self = .grpcInternal
        case 14: self = .grpcUnavailable
        default: return nil
        }
    }
}
