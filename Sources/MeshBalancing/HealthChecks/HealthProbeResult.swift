// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// How a probe of an endpoint has turned out.
public enum HealthProbeResult: Hashable, Sendable {
    /// The endpoint is well.
    case healthy
    /// The endpoint is well, and asks to be used after others (`x-envoy-degraded`).
    case degraded
    /// It is not, or nobody knows.
    case failed(Failure)

    /// Why a probe is no success.
    public struct Failure: Hashable, Sendable {
        /// What decides whether the threshold counts.
        public enum Cause: String, Hashable, Sendable {
            /// The endpoint says that it is not well: it is unhealthy at once (Envoy's `ACTIVE`).
            case answer
            /// It says so in a way that counts towards the threshold (a retriable status).
            case retriableAnswer = "retriable_answer"
            /// No connection, or one that broke; counts towards the threshold (Envoy's `NETWORK`).
            case network
            /// No answer in time; counts towards the threshold (Envoy's `NETWORK_TIMEOUT`).
            case timeout
            /// The answer to a request of the application said that no more should come: unhealthy at once (Envoy's
            /// `PASSIVE`).
            case traffic

            /// Whether it says nothing of what the endpoint itself thinks.
            public var isOfNetwork: Bool { self == .network || self == .timeout }
        }

        /// What decides whether the threshold counts.
        public var cause: Cause
        /// Why, in words for people: at most 200 characters.
        public var reason: String
        /// Whether the endpoint is to count as if it were not there while it is unhealthy, so that its priority is no
        /// less available because of it (`x-envoy-immediate-health-check-fail`).
        public var excludes: Bool

        /// Creates a failure; a longer reason is cut.
        public init(_ cause: Cause, _ reason: String, excludes: Bool = false) {
            self.cause = cause
            self.reason = String(reason.prefix(200))
            self.excludes = excludes
        }
    }
}
