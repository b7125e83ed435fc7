// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

package import MeshBalancing
public import MeshCore

/// What of its cluster's health check is an endpoint's own (`envoy.config.endpoint.v3.Endpoint.HealthCheckConfig`).
public struct EndpointHealthCheck: Hashable, Sendable {
    /// Where it is asked; `nil` for where its requests go.
    ///
    /// Default `nil`: Envoy's `address`.
    public var address: EndpointAddress?
    /// The port at which it is asked, 1 to 65535, whatever the address says; `nil` for that one's.
    ///
    /// Default `nil`: Envoy's `port_value` of 0.
    public var port: UInt16?
    /// The authority of requests that ask it; empty for what the check says.
    ///
    /// Default empty: Envoy's `hostname`.
    public var hostname: String
    /// Whether it is not asked at all, and is what the control plane says.
    ///
    /// Default `false`: Envoy's `disable_active_health_check`.
    public var isDisabled: Bool

    /// Creates settings; by default there is nothing of its own.
    public init(
        address: EndpointAddress? = nil,
        port: UInt16? = nil,
        hostname: String = "",
        isDisabled: Bool = false
    ) {
        self.address = address
        self.port = port
        self.hostname = hostname
        self.isDisabled = isDisabled
    }

    /// Where an endpoint is asked, and under which name.
    package func target(of endpoint: EndpointAddress) -> HealthCheckTarget {
        var address = address ?? endpoint
        // A Unix domain socket has no port; validation has said so.
        if let port, address.port != nil { address.port = port }
        return HealthCheckTarget(address: address, hostname: hostname)
    }
}
