// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshBalancing

/// What a control plane is told of the requests to a cluster (`envoy.config.cluster.v3.Cluster.lrs_server`).
///
/// How often, and whether at all, the control plane says.
public struct LoadStatisticsPlan: Hashable, Sendable {
    /// The name of the source whose control plane is told (`ConfigSource.name`).
    ///
    /// Default empty: whichever source has one that asks. A cluster that comes by xDS names its own source
    /// (`lrs_server: self`).
    public var source: String
    /// What of the load reports that endpoints send with their answers is summed up. Default nothing, as in gRFC A85.
    public var metrics: LoadMetricSelection

    /// Creates a plan.
    public init(source: String = "", metrics: LoadMetricSelection = .none) {
        self.source = source
        self.metrics = metrics
    }
}
