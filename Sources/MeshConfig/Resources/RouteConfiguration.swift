// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore
public import MeshRouting

/// The routes of some hosts (`envoy.config.route.v3.RouteConfiguration`).
public struct RouteConfiguration: Hashable, Sendable {
    /// Its name, by which listeners refer to it.
    public var name: String
    /// The virtual hosts; a domain belongs to one of them only.
    public var virtualHosts: [VirtualHost]
    /// What headers every request and response gains and loses.
    public var headers: HeaderMutations
    /// Whether the table's header changes come first and the route's last, which then win; the other way round by default.
    public var mostSpecificHeadersWin: Bool
    /// Header fields that only callers of this mesh may send; those of all others are dropped (`internal_only_headers`).
    public var internalOnlyHeaders: [HeaderName]
    /// Whether the port of an authority is left aside when its virtual host is looked for.
    public var ignoresPort: Bool
    /// Whether the parameters of path segments (`;a=b`) are left aside when a path is matched.
    public var ignoresPathParameters: Bool
    /// Copies of the requests of routes, and virtual hosts, that say nothing of copies themselves.
    public var mirrors: [RequestMirror]
    /// What it says of the listener's further filters.
    @Boxed public var filters: FilterOverrides

    /// Creates a route configuration.
    public init(
        name: String,
        virtualHosts: [VirtualHost],
        headers: HeaderMutations = .none,
        mostSpecificHeadersWin: Bool = false,
        internalOnlyHeaders: [HeaderName] = [],
        ignoresPort: Bool = false,
        ignoresPathParameters: Bool = false,
        mirrors: [RequestMirror] = [],
        filters: FilterOverrides = .none
    ) {
        self.name = name
        self.virtualHosts = virtualHosts
        self.headers = headers
        self.mostSpecificHeadersWin = mostSpecificHeadersWin
        self.internalOnlyHeaders = internalOnlyHeaders
        self.ignoresPort = ignoresPort
        self.ignoresPathParameters = ignoresPathParameters
        self.mirrors = mirrors
        self.filters = filters
    }
}
