// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// What the actions of rate limits may know of a request besides its head.
public struct RateLimitFacts: Sendable {
    /// The cluster that this process belongs to; empty if nobody said.
    public var sourceCluster: String
    /// The cluster that the route selects; `nil` for a route that forwards to none.
    public var destinationCluster: String?
    /// What routing knows.
    public var routing: RoutingFacts
    /// The route's own metadata, by namespace.
    public var routeMetadata: [String: MetadataValue]

    /// Creates the facts.
    public init(
        sourceCluster: String = "",
        destinationCluster: String? = nil,
        routing: RoutingFacts,
        routeMetadata: [String: MetadataValue] = [:]
    ) {
        self.sourceCluster = sourceCluster
        self.destinationCluster = destinationCluster
        self.routing = routing
        self.routeMetadata = routeMetadata
    }
}
