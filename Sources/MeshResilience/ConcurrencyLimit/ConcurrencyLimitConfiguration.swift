// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// How much may be under way to a cluster at once (`envoy.config.cluster.v3.CircuitBreakers.Thresholds`).
public struct ConcurrencyLimitConfiguration: Hashable, Sendable {
    /// The most requests under way.
    ///
    /// Default 1024: Envoy's `max_requests`, gRFC A32.
    public var maximumRequests: UInt32
    /// The most requests that wait for a connection, an endpoint.
    ///
    /// Default 1024: Envoy's `max_pending_requests`.
    public var maximumPendingRequests: UInt32
    /// The most connections, an endpoint.
    ///
    /// Default 1024: Envoy's `max_connections`.
    public var maximumConnections: UInt32

    /// Creates a configuration.
    public init(
        maximumRequests: UInt32 = 1024,
        maximumPendingRequests: UInt32 = 1024,
        maximumConnections: UInt32 = 1024
    ) {
        self.maximumRequests = maximumRequests
        self.maximumPendingRequests = maximumPendingRequests
        self.maximumConnections = maximumConnections
    }
}
