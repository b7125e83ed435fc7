// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// How endpoints are asked whether they are well, and how often (`envoy.config.core.v3.HealthCheck`).
///
/// Intervals begin with the result of a probe, and are counted in whole milliseconds, as in Envoy.
public struct HealthCheck: Hashable, Sendable {
    /// What is asked.
    public enum Kind: Hashable, Sendable {
        /// A request of HTTP.
        case http(HTTP)
        /// `grpc.health.v1.Health/Check`.
        case grpc(GRPC)
        /// A connection, and perhaps bytes on it.
        case tcp(TCP)
    }

    /// What is asked.
    public var kind: Kind
    /// How long a probe may take; greater than 0.
    ///
    /// Default 1 s: Envoy Gateway's. Envoy's `timeout` has no default.
    public var timeout: Nanoseconds
    /// The time between probes of an endpoint that is well; greater than 0.
    ///
    /// Default 3 s: Envoy Gateway's. Envoy's `interval` has no default.
    public var interval: Nanoseconds
    /// How many failures in a row make an endpoint unhealthy; 0 for never. An answer that says that the endpoint is not
    /// well does so at once.
    ///
    /// Default 3: Envoy Gateway's. Envoy's `unhealthy_threshold` has no default.
    public var unhealthyThreshold: UInt32
    /// How many successes make an unhealthy endpoint healthy, with no failure between them; 0 for never. The first probe
    /// of all does so at once.
    ///
    /// Default 1: Envoy Gateway's. Envoy's `healthy_threshold` has no default.
    public var healthyThreshold: UInt32
    /// Below what the wait for the first probe is drawn; 0 for no wait.
    ///
    /// Default 0: Envoy's `initial_jitter`.
    public var initialJitter: Nanoseconds
    /// Below what an addition to each interval is drawn.
    ///
    /// Default 0: Envoy's `interval_jitter`.
    public var intervalJitter: Nanoseconds
    /// The same as a part of the interval, in percent; both are added.
    ///
    /// Default 0: Envoy's `interval_jitter_percent`.
    public var intervalJitterPercent: UInt32
    /// The interval while no request was ever sent to the cluster; greater than 0. It wins over all others.
    ///
    /// Default 60 s: Envoy's `no_traffic_interval`.
    public var noTrafficInterval: Nanoseconds
    /// The same for endpoints that are well; greater than 0.
    ///
    /// Default `nil`, the same: Envoy's `no_traffic_healthy_interval`.
    public var noTrafficHealthyInterval: Nanoseconds?
    /// The interval after a failure of an endpoint that is unhealthy, or becomes so; greater than 0.
    ///
    /// Default `nil`, the usual one: Envoy's `unhealthy_interval`.
    public var unhealthyInterval: Nanoseconds?
    /// The interval after a failure that the threshold bears; greater than 0.
    ///
    /// Default `nil`, that of unhealthy endpoints: Envoy's `unhealthy_edge_interval`, as its code has it.
    public var unhealthyEdgeInterval: Nanoseconds?
    /// The interval after a success that is not yet enough to make an endpoint healthy; greater than 0.
    ///
    /// Default `nil`, the usual one: Envoy's `healthy_edge_interval`, as its code has it.
    public var healthyEdgeInterval: Nanoseconds?
    /// Whether a connection serves more than one probe. Probes of `Kind.tcp` have one each in any case.
    ///
    /// Default `true`: Envoy's `reuse_connection`.
    public var reusesConnections: Bool
    /// Whether endpoints that were never asked count as if they were not there, and not as unhealthy.
    ///
    /// Default `false`: Envoy's `CommonLbConfig.ignore_new_hosts_until_first_hc`.
    public var ignoresNewEndpoints: Bool

    /// Creates a check.
    public init(
        _ kind: Kind,
        timeout: Nanoseconds = .seconds(1),
        interval: Nanoseconds = .seconds(3),
        unhealthyThreshold: UInt32 = 3,
        healthyThreshold: UInt32 = 1,
        initialJitter: Nanoseconds = .zero,
        intervalJitter: Nanoseconds = .zero,
        intervalJitterPercent: UInt32 = 0,
        noTrafficInterval: Nanoseconds = .seconds(60),
        noTrafficHealthyInterval: Nanoseconds? = nil,
        unhealthyInterval: Nanoseconds? = nil,
        unhealthyEdgeInterval: Nanoseconds? = nil,
        healthyEdgeInterval: Nanoseconds? = nil,
        reusesConnections: Bool = true,
        ignoresNewEndpoints: Bool = false
    ) {
        self.kind = kind
        self.timeout = timeout
        self.interval = interval
        self.unhealthyThreshold = unhealthyThreshold
        self.healthyThreshold = healthyThreshold
        self.initialJitter = initialJitter
        self.intervalJitter = intervalJitter
        self.intervalJitterPercent = intervalJitterPercent
        self.noTrafficInterval = noTrafficInterval
        self.noTrafficHealthyInterval = noTrafficHealthyInterval
        self.unhealthyInterval = unhealthyInterval
        self.unhealthyEdgeInterval = unhealthyEdgeInterval
        self.healthyEdgeInterval = healthyEdgeInterval
        self.reusesConnections = reusesConnections
        self.ignoresNewEndpoints = ignoresNewEndpoints
    }
}
