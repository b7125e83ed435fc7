// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// What counts as a success for admission control (`AdmissionControl.SuccessCriteria`).
public struct AdmissionCriteria: Hashable, Sendable {
    /// The HTTP statuses that are successes, within 100 ..< 600.
    ///
    /// Default all below 500: Envoy's, if `http_criteria` is left out.
    public var httpSuccess: [Range<Int>]
    /// The gRPC statuses that are successes, 0 to 16. They decide for responses that carry one in their head.
    ///
    /// Default all that do not blame the server: Envoy's, if `grpc_criteria` is left out.
    public var grpcSuccess: Set<Int>
    /// How a call counts that the peer or the network failed without an answer.
    ///
    /// Default `failure`: Envoy counts every admitted request without a success as a failure.
    public var unanswered: Outcome

    /// Creates criteria.
    public init(
        httpSuccess: [Range<Int>] = [100..<500],
        grpcSuccess: Set<Int> = [0, 1, 2, 3, 5, 6, 7, 9, 11, 12, 16],
        unanswered: Outcome = .failure
    ) {
        self.httpSuccess = httpSuccess
        self.grpcSuccess = grpcSuccess
        self.unanswered = unanswered
    }

    /// Envoy's: what does not blame the server is a success.
    public static let envoy = AdmissionCriteria()

    /// Finagle's: everything but a refusal for overload is a success. Refusals are statuses 429 and 503, gRPC's
    /// `RESOURCE_EXHAUSTED` and `UNAVAILABLE`, and errors that say so.
    public static let nack = AdmissionCriteria(
        httpSuccess: [100..<429, 430..<503, 504..<600],
        grpcSuccess: Set(0...16).subtracting([8, 14]),
        unanswered: .success
    )

    /// The outcome of a response's head.
    public func outcome(status: Int, grpcStatus: Int? = nil) -> Outcome {
        if let grpcStatus { return grpcSuccess.contains(grpcStatus) ? .success : .failure }
        return httpSuccess.contains { $0.contains(status) } ? .success : .failure
    }

    /// The outcome of an error: what the caller or this process caused is ignored, a refusal by the peer is a failure.
    public func outcome(error: any Error) -> Outcome {
        if error is CancellationError { return .ignored }
        guard let error = error as? MeshError else { return unanswered }
        switch error.origin {
        case .downstream, .local: return .ignored
        case .upstream: break
        }
        return switch error.code {
        case .shed, .overflow, .rateLimited, .circuitOpen: .failure
        default: unanswered
        }
    }

    func validate(_ problems: inout ProblemCollector) {
        for (position, range) in httpSuccess.enumerated() {
            problems.require(
                !range.isEmpty && range.lowerBound >= 100 && range.upperBound <= 600,
                "criteria.httpSuccess[\(position)]",
                "must not be empty and lie within 100 ..< 600, is \(range)"
            )
        }
        problems.require(!httpSuccess.isEmpty, "criteria.httpSuccess", "must name a range")
        problems.require(!grpcSuccess.isEmpty, "criteria.grpcSuccess", "must name a status")
        for status in grpcSuccess.sorted() where !(0...16).contains(status) {
            problems.note("criteria.grpcSuccess", "must be from 0 to 16, is \(status)")
        }
        problems.require(unanswered != .ignored, "criteria.unanswered", "must be a success or a failure")
    }
}
