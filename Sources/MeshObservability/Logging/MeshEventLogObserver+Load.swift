// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Logging
import MeshCore

extension MeshEventLogObserver {
    /// Writes what endpoints report of their load apart from answers, and what hinders them.
    func noticedLoad(_ event: MeshEvent) {
        switch event {
        case .loadReportReceived(let cluster, let endpoint):
            logger.trace("load reported", metadata: place(cluster, endpoint))
        case .loadReportCallFailed(let cluster, let endpoint, let reason):
            var metadata = place(cluster, endpoint)
            metadata["reason"] = text(reason)
            logger.debug("call for load reports ended, it is made again", metadata: metadata)
        case .loadReportCallRefused(let cluster, let endpoint):
            logger.warning(
                "endpoint implements no load reports apart from answers, it is asked no more",
                metadata: place(cluster, endpoint)
            )
        case .loadReportsUnavailable(let cluster):
            logger.warning(
                "nobody can ask a cluster's endpoints for load reports, all have the same weight",
                metadata: ["cluster": text(cluster)]
            )
        default:
            break
        }
    }

    private func place(_ cluster: String, _ endpoint: EndpointAddress) -> Logger.Metadata {
        ["cluster": text(cluster), "endpoint": text(endpoint.description)]
    }
}
