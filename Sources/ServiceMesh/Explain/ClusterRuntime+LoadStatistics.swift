// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore

extension ClusterRuntime {
    /// What the control plane is told of the cluster's requests, in words; `nil` for nothing.
    func loadStatisticsSummary(at now: MeshInstant) -> String? {
        guard let loadStatistics, let plan = cluster.loadStatistics else { return nil }
        let reader = plan.source.isEmpty ? "whichever control plane asks" : plan.source
        let metrics = plan.metrics.isEmpty ? "" : ", with \(plan.metrics.names.sorted().joined(separator: ", "))"
        let (reports, since) = loadStatistics.progress
        let times = reports == 1 ? "once" : "\(reports) times"
        let told = reports == 0 ? "not read yet" : "read \(times), last \(now.elapsed(since: since).duration) ago"
        return "counted for \(reader)\(metrics); \(told)"
    }
}
