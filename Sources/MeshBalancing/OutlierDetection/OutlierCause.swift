// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// Which rule an endpoint broke. The raw values are those of Envoy's statistics (`outlier_detection.ejections_detected_…`).
public enum OutlierCause: String, Hashable, Sendable, CaseIterable {
    /// Failures in a row.
    case consecutiveFailures = "consecutive_5xx"
    /// Answers in a row that say that who should have answered did not, or no answers.
    case consecutiveGatewayFailures = "consecutive_gateway_failure"
    /// No answers in a row, where they are counted apart.
    case consecutiveLocalOriginFailures = "consecutive_local_origin_failure"
    /// Fewer successes than the others have.
    case successRate = "success_rate"
    /// The same where failures without an answer are counted apart.
    case localOriginSuccessRate = "local_origin_success_rate"
    /// Too many failures.
    case failurePercentage = "failure_percentage"
    /// The same where failures without an answer are counted apart.
    case localOriginFailurePercentage = "local_origin_failure_percentage"
}

extension OutlierDetection: CustomStringConvertible {
    /// The rules that are enforced, and what follows, in words.
    public var description: String {
        let rules = OutlierCause.allCases.filter(isEnforced).map(text)
        guard !rules.isEmpty else { return "never ejects" }
        let name = mode == .grpc ? ", by gRPC's rules" : ""
        return "\(rules.joined(separator: " or ")) eject for \(baseEjectionTime.duration), "
            + "at most \(maximumEjectionPercent)%\(name)"
    }

    private func isEnforced(_ cause: OutlierCause) -> Bool {
        let isSplit = splitsLocalOriginFailures && mode == .envoy
        return switch cause {
        case .consecutiveFailures, .consecutiveGatewayFailures: mode == .envoy && enforcing(cause) > 0
        case .consecutiveLocalOriginFailures, .localOriginSuccessRate, .localOriginFailurePercentage:
            isSplit && enforcing(cause) > 0
        case .successRate, .failurePercentage: enforcing(cause) > 0
        }
    }
}

extension OutlierDetection {
    /// In how many of a hundred cases a rule is enforced.
    func enforcing(_ cause: OutlierCause) -> UInt32 {
        switch cause {
        case .consecutiveFailures: consecutiveFailures?.enforcing ?? 0
        case .consecutiveGatewayFailures: consecutiveGatewayFailures?.enforcing ?? 0
        case .consecutiveLocalOriginFailures: consecutiveLocalOriginFailures?.enforcing ?? 0
        case .successRate: successRate?.enforcing ?? 0
        case .localOriginSuccessRate: successRate?.enforcingLocalOrigin ?? 0
        case .failurePercentage: failurePercentage?.enforcing ?? 0
        case .localOriginFailurePercentage: failurePercentage?.enforcingLocalOrigin ?? 0
        }
    }

    /// A rule in words.
    func text(of cause: OutlierCause) -> String {
        switch cause {
        case .consecutiveFailures: "\(consecutiveFailures?.threshold ?? 0) consecutive failures"
        case .consecutiveGatewayFailures: "\(consecutiveGatewayFailures?.threshold ?? 0) consecutive gateway failures"
        case .consecutiveLocalOriginFailures:
            "\(consecutiveLocalOriginFailures?.threshold ?? 0) consecutive failures to get an answer"
        case .successRate: "a success rate below the others'"
        case .localOriginSuccessRate: "a rate of connections and answers below the others'"
        case .failurePercentage: "\(failurePercentage?.threshold ?? 0)% of failures"
        case .localOriginFailurePercentage: "\(failurePercentage?.threshold ?? 0)% of failures to get an answer"
        }
    }
}
