// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Logging
import MeshCore

extension MeshEventLogObserver {
    /// Writes what active health checks find.
    func noticedHealth(_ event: MeshEvent) {
        switch event {
        case .endpointHealthChanged(let cluster, let endpoint, let health, let reason):
            var metadata: Logger.Metadata = [
                "cluster": text(cluster), "endpoint": text(endpoint.description), "health": text(health),
            ]
            if let reason { metadata["reason"] = text(reason) }
            let level: Logger.Level = health == "unhealthy" ? .warning : .notice
            logger.log(level: level, "health check changed an endpoint's health", metadata: metadata)
        case .endpointProbed(let cluster, let endpoint, let outcome):
            logger.trace(
                "endpoint probed",
                metadata: [
                    "cluster": text(cluster), "endpoint": text(endpoint.description),
                    "outcome": text(outcome.rawValue),
                ]
            )
        case .healthCheckUnavailable(let cluster):
            logger.warning(
                "nobody can check the health of a cluster's endpoints, they count as healthy",
                metadata: ["cluster": text(cluster)]
            )
        default:
            break
        }
    }
}
