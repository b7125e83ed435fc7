// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// What becomes of a virtual host's rate limits where a route has its own (`vh_rate_limits`).
public enum HostRateLimits: String, Hashable, Sendable, CaseIterable {
    /// They count only where the route has none: Envoy's default.
    case override
    /// They count beside the route's.
    case include
    /// They never count.
    case ignore

    /// The limits that requests of a route are counted under, the route's first.
    /// - Parameter includes: Whether the route itself asks for the host's (`include_vh_rate_limits`).
    public func limits(
        ofRoute route: [RouteRateLimit],
        host: [RouteRateLimit],
        includes: Bool = false
    ) -> [RouteRateLimit] {
        switch includes ? .include : self {
        case .override: route.isEmpty ? host : route
        case .include: route + host
        case .ignore: route
        }
    }
}
