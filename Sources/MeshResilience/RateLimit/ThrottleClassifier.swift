// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// Decides which answers say that the peer gets too many calls.
public struct ThrottleClassifier: Sendable {
    private let isThrottledStatus: (@Sendable (_ status: Int, _ grpcStatus: Int?) -> Bool)?

    /// The default: status 429, and gRPC's `RESOURCE_EXHAUSTED` (8).
    public static let standard = ThrottleClassifier(isThrottledStatus: nil)

    private init(isThrottledStatus: (@Sendable (Int, Int?) -> Bool)?) {
        self.isThrottledStatus = isThrottledStatus
    }

    /// Creates a classifier of answers.
    /// - Parameter isThrottled: Is asked with the HTTP status and, if the response's head has one, the gRPC status.
    public init(_ isThrottled: @escaping @Sendable (_ status: Int, _ grpcStatus: Int?) -> Bool) {
        self.isThrottledStatus = isThrottled
    }

    /// Whether an answer says so.
    public func isThrottled(status: Int, grpcStatus: Int? = nil) -> Bool {
        if let isThrottledStatus { return isThrottledStatus(status, grpcStatus) }
        return status == 429 || grpcStatus == 8
    }

    /// Whether an error says so; `nil` if it says nothing about the peer, because the caller or this process caused it.
    public func isThrottled(error: any Error) -> Bool? {
        if error is CancellationError { return nil }
        guard let error = error as? MeshError else { return false }
        switch error.origin {
        case .downstream, .local: return nil
        case .upstream: return error.code == .rateLimited
        }
    }
}
