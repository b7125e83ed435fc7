// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig

extension LoadStatisticsPlan {
    private static let metricsField = "lrs_report_endpoint_metrics"

    /// Decodes what the control plane wants to be told of a cluster's requests; `nil` for nothing.
    ///
    /// It is told over the connection that the cluster came by (gRFC A27). Another place is no reason to do without the
    /// cluster, and is reported.
    init?(
        _ message: Envoy_Config_Cluster_V3_Cluster,
        of discovery: Cluster.Discovery?,
        _ context: inout DecodingContext
    ) {
        let root = FieldPath.root
        guard message.hasLrsServer else {
            if !message.lrsReportEndpointMetrics.isEmpty {
                context.ignore(root[Self.metricsField], "has no effect without lrs_server")
            }
            return nil
        }
        guard case .self_p? = message.lrsServer.configSourceSpecifier else {
            context.ignore(root["lrs_server"], "is not self, and no other control plane is told of requests")
            return nil
        }
        if case .aggregate? = discovery {
            context.ignore(root["lrs_server"], "has no effect: it is for the clusters to say that this one is made of")
            return nil
        }
        var selection = LoadMetricSelection()
        for (position, name) in message.lrsReportEndpointMetrics.enumerated() {
            let path = root[Self.metricsField, position]
            if !LoadMetricSelection.isMetric(name) {
                context.ignore(path, "is no metric of a load report that is known here")
            } else if selection.names.count == LoadMetricSelection.maximumNames, !selection.names.contains(name) {
                context.ignore(path, "is more than the \(LoadMetricSelection.maximumNames) that may be asked for")
            } else {
                selection.names.insert(name)
            }
        }
        self.init(source: context.source, metrics: selection)
    }
}

extension Envoy_Config_Cluster_V3_Cluster {
    /// Encodes what clients are to tell of their requests.
    mutating func set(_ plan: LoadStatisticsPlan?) {
        guard let plan else { return }
        lrsServer.self_p = .init()
        lrsReportEndpointMetrics = plan.metrics.names.sorted()
    }
}
