// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore

extension Mesh {
    /// The answer to a request said that no more should come (`x-envoy-immediate-health-check-fail`).
    func refusedTraffic(at endpoint: EndpointState, of cluster: ClusterRuntime) {
        guard let checker = endpoint.checker, checker.refusedTraffic(), !observers.isEmpty else { return }
        let (name, address) = (cluster.cluster.name, endpoint.endpoint.address)
        observers.noticed(.endpointProbed(cluster: name, endpoint: address, outcome: .passiveFailure))
        observers.noticed(
            .endpointHealthChanged(
                cluster: name,
                endpoint: address,
                health: "\(EndpointHealth.unhealthy)",
                reason: checker.lastFailure?.reason
            )
        )
    }
}
