// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
public import MeshCore

extension Mesh {
    /// The fields have come in which the endpoint of the current attempt may report its load, and the cluster's
    /// balancer wants to know. What cannot be read is counted, told, and otherwise left aside: the answer is none the
    /// worse for it.
    @usableFromInline
    @inline(never)
    func noteLoad(_ context: inout CallContext, binary: String?, prefixed: String?) {
        guard binary != nil || prefixed != nil, let pick = context.pick else { return }
        // One report an attempt: that of the head comes before those of trailers.
        context.observesLoad = false
        // Only this module writes the field, and always an `EndpointState`.
        let endpoint = unsafeDowncast(pick, to: EndpointState.self)
        do throws(LoadReportError) {
            guard let report = try LoadReport.read(binary: binary, prefixed: prefixed) else { return }
            let now = clock.now
            context.lentCluster?._withUnsafeGuaranteedRef { cluster in
                let policy = cluster.cluster.loadBalancing.policy
                // It is looked for where the control plane wants to know, too; then the policy may go by other reports.
                if policy.observesLoad { policy.reported(report, by: endpoint, at: now) }
                guard !cluster.reportedMetrics.isEmpty else { return }
                endpoint.loadStatistics?.reported(report, selecting: cluster.reportedMetrics)
            }
        } catch {
            endpoint.noteRefusedLoadReport()
            observers.noticed(
                .loadReportRefused(
                    cluster: context.lentCluster?._withUnsafeGuaranteedRef { $0.cluster.name } ?? "",
                    endpoint: endpoint.endpoint.address,
                    reason: error.reason
                )
            )
        }
    }
    /// The exchange of an attempt ends, and the response's head had no report: where its transport sees trailers, these
    /// may have one, as those of gRPC do.
    @usableFromInline
    @inline(never)
    func noteTrailingLoad(_ context: inout CallContext) {
        guard let fields = context.exchange as? any TrailingFields else { return }
        noteLoad(
            &context,
            binary: fields.trailer(.endpointLoadMetricsBinary),
            prefixed: fields.trailer(.endpointLoadMetrics)
        )
    }
}
