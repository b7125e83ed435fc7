// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// When an endpoint that does worse than it should gets no more traffic, and for how long
/// (`envoy.config.cluster.v3.OutlierDetection`; gRFC A50 for `Mode.grpc`).
public struct OutlierDetection: Hashable, Sendable {
    /// Whose rules hold where Envoy's and gRPC's differ.
    public enum Mode: Hashable, Sendable {
        /// Failures in a row eject at once; no ejection may take the share of ejected endpoints over its limit.
        case envoy
        /// Only rates count, once an interval; there are ejections until the share has reached its limit (gRFC A50).
        case grpc
    }

    /// Whose rules hold. Default: Envoy's.
    public var mode: Mode
    /// Failures in a row that eject an endpoint: answers with 500 and above, and no answers at all unless
    /// `splitsLocalOriginFailures`; `nil` for no such rule.
    ///
    /// Default 5, always enforced: Envoy's `consecutive_5xx` and `enforcing_consecutive_5xx`.
    public var consecutiveFailures: Streak?
    /// The same of answers with 502, 503 and 504, and of no answers.
    ///
    /// Default 5, never enforced: Envoy's `consecutive_gateway_failure` and `enforcing_consecutive_gateway_failure`.
    public var consecutiveGatewayFailures: Streak?
    /// Whether failures that are no answer of the endpoint (no connection, a reset, a timeout) are counted apart from answers.
    ///
    /// Default `false`: Envoy's `split_external_local_origin_errors`.
    public var splitsLocalOriginFailures: Bool
    /// Such failures in a row that eject an endpoint, where they are counted apart. A connection that is made ends a row, as in
    /// Envoy.
    ///
    /// Default 5, always enforced: Envoy's `consecutive_local_origin_failure` and its `enforcing_…`.
    public var consecutiveLocalOriginFailures: Streak?
    /// Which endpoints succeed so much more rarely than the others that they are ejected; `nil` for no such rule.
    ///
    /// Default: Envoy's, which is on.
    public var successRate: SuccessRate?
    /// Which endpoints fail too often, whatever the others do; `nil` for no such rule.
    ///
    /// Default: Envoy's, which is never enforced.
    public var failurePercentage: FailurePercentage?
    /// How often rates are looked at, and ejections ended; greater than 0.
    ///
    /// Default 10 s: Envoy's `interval`.
    public var interval: Nanoseconds
    /// How long the first ejection lasts at least; the n-th lasts n times as long. It ends with the first interval after that.
    ///
    /// Default 30 s: Envoy's `base_ejection_time`.
    public var baseEjectionTime: Nanoseconds
    /// The longest ejection, or the base time if that is longer.
    ///
    /// Default 300 s: Envoy's `max_ejection_time`.
    public var maximumEjectionTime: Nanoseconds
    /// What is added to an ejection at most, drawn evenly in milliseconds, so that not all endpoints return at once.
    ///
    /// Default 0: Envoy's `max_ejection_time_jitter`. gRPC's mode has none.
    public var maximumEjectionTimeJitter: Nanoseconds
    /// The largest share of endpoints that may be ejected at once, in percent; 0 to 100.
    ///
    /// Default 10: Envoy's `max_ejection_percent`. An endpoint is ejected if the share stays within it afterwards, or, in gRPC's
    /// mode, if it was below it before.
    public var maximumEjectionPercent: UInt32
    /// Whether one endpoint may be ejected whatever the share. Default `false`: Envoy's `always_eject_one_host`.
    public var alwaysEjectsOneEndpoint: Bool
    /// Whether a probe of an active check that finds an ejected endpoint well ends its ejection.
    ///
    /// Default `true`: Envoy's `successful_active_health_check_uneject_host`.
    public var successfulHealthCheckUnejects: Bool

    /// Creates a configuration.
    public init(
        mode: Mode = .envoy,
        consecutiveFailures: Streak? = 5,
        consecutiveGatewayFailures: Streak? = Streak(5, enforcing: 0),
        splitsLocalOriginFailures: Bool = false,
        consecutiveLocalOriginFailures: Streak? = 5,
        successRate: SuccessRate? = SuccessRate(),
        failurePercentage: FailurePercentage? = FailurePercentage(),
        interval: Nanoseconds = .seconds(10),
        baseEjectionTime: Nanoseconds = .seconds(30),
        maximumEjectionTime: Nanoseconds = .seconds(300),
        maximumEjectionTimeJitter: Nanoseconds = .zero,
        maximumEjectionPercent: UInt32 = 10,
        alwaysEjectsOneEndpoint: Bool = false,
        successfulHealthCheckUnejects: Bool = true
    ) {
        self.mode = mode
        self.consecutiveFailures = consecutiveFailures
        self.consecutiveGatewayFailures = consecutiveGatewayFailures
        self.splitsLocalOriginFailures = splitsLocalOriginFailures
        self.consecutiveLocalOriginFailures = consecutiveLocalOriginFailures
        self.successRate = successRate
        self.failurePercentage = failurePercentage
        self.interval = interval
        self.baseEjectionTime = baseEjectionTime
        self.maximumEjectionTime = maximumEjectionTime
        self.maximumEjectionTimeJitter = maximumEjectionTimeJitter
        self.maximumEjectionPercent = maximumEjectionPercent
        self.alwaysEjectsOneEndpoint = alwaysEjectsOneEndpoint
        self.successfulHealthCheckUnejects = successfulHealthCheckUnejects
    }
}
