// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Decides what counts as a failure: one place for breakers, retries, ejection and metrics alike.
public struct ResponseClassifier: Sendable {
    private let classifyStatus: (@Sendable (Int) -> Outcome)?
    private var classifyRPCStatus: (@Sendable (Int) -> Outcome)?

    /// The default: status 500 and above is a failure (Envoy's `consecutive_5xx`), everything below a success.
    public static let standard = ResponseClassifier(classifyStatus: nil)

    private init(classifyStatus: (@Sendable (Int) -> Outcome)?) {
        self.classifyStatus = classifyStatus
        self.classifyRPCStatus = nil
    }

    /// Creates a classifier of status codes.
    public init(status classify: @escaping @Sendable (Int) -> Outcome) {
        self.classifyStatus = classify
        self.classifyRPCStatus = nil
    }

    /// Creates a classifier of status codes, and of the statuses of gRPC calls.
    /// - Parameters:
    ///   - classify: Judges an HTTP status; `nil` for the default.
    ///   - classifyRPC: Judges a gRPC status, 0 to 16.
    public init(
        status classify: (@Sendable (Int) -> Outcome)? = nil,
        rpcStatus classifyRPC: @escaping @Sendable (Int) -> Outcome
    ) {
        self.classifyStatus = classify
        self.classifyRPCStatus = classifyRPC
    }

    /// The outcome of a gRPC call by its status: every status but OK is a failure (gRFC A50), unless told otherwise.
    public func outcome(rpcStatus: Int) -> Outcome {
        if let classifyRPCStatus { return classifyRPCStatus(rpcStatus) }
        return rpcStatus == 0 ? .success : .failure
    }

    /// The outcome of a response.
    public func outcome(status: Int) -> Outcome {
        if let classifyStatus { return classifyStatus(status) }
        return status >= 500 ? .failure : .success
    }

    /// The outcome of an error: what the caller or this process caused is ignored, everything else is a failure.
    public func outcome(error: any Error) -> Outcome {
        if error is CancellationError { return .ignored }
        guard let error = error as? MeshError else { return .failure }
        return switch error.origin {
        case .downstream, .local: .ignored
        case .upstream: .failure
        }
    }
}
