// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// A share of a route's traffic (`envoy.config.route.v3.WeightedCluster.ClusterWeight`).
public struct WeightedCluster: Hashable, Sendable {
    /// The cluster; empty where `clusterHeader` says which.
    public var cluster: String
    /// Its weight among the route's clusters; zero gets nothing.
    public var weight: UInt32
    /// The header that names the cluster, in place of `cluster`.
    public var clusterHeader: HeaderName?
    /// What headers this share's requests and responses gain and lose, before the route's own changes.
    public var headers: HeaderMutations
    /// The authority of this share's requests, in place of what the route says; `nil` leaves it to the route.
    public var host: String?
    /// The labels of the endpoints that this share's requests go to, beside the route's and in place of those of the same
    /// key.
    public var endpointLabels: [String: MetadataValue]

    /// Creates a share.
    public init(
        _ cluster: String,
        weight: UInt32 = 1,
        clusterHeader: HeaderName? = nil,
        headers: HeaderMutations = .none,
        host: String? = nil,
        endpointLabels: [String: MetadataValue] = [:]
    ) {
        self.cluster = cluster
        self.weight = weight
        self.clusterHeader = clusterHeader
        self.headers = headers
        self.host = host
        self.endpointLabels = endpointLabels
    }
}
