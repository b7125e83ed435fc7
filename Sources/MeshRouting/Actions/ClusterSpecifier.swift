// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Which cluster a request goes to (`envoy.config.route.v3.RouteAction.cluster_specifier`).
public enum ClusterSpecifier: Hashable, Sendable {
    /// One of these, by weight; a single cluster is a split over one.
    case clusters(WeightedClusters)
    /// The one that the request names in a header; without it, or where no cluster has the name, it is refused.
    case header(HeaderName)
}
