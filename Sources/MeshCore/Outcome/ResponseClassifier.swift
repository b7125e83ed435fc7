// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Decides what counts as a failure: one place for breakers, retries, ejection and metrics alike.
public struct ResponseClassifier: Sendable {
    private let classifyStatus: (@Sendable (Int) -> Outcome)?

    /// The default: status 500 and above is a failure (Envoy's `consecutive_5xx`), everything below a success.
    public static let standard = ResponseClassifier(classifyStatus: nil)

    private init(classifyStatus: (@Sendable (Int) -> Outcome)?) {
        self.classifyStatus = classifyStatus
    }

    /// Creates a classifier of status codes.
    public init(status classify: @escaping @Sendable (Int) -> Outcome) {
        self.classifyStatus = classify
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
