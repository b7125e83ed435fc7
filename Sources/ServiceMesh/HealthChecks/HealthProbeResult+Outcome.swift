// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshCore

extension HealthProbeResult {
    /// What it counts as.
    var outcome: HealthProbeOutcome {
        guard case .failed(let failure) = self else { return .success }
        if failure.cause == .traffic { return .passiveFailure }
        return failure.cause.isOfNetwork ? .networkFailure : .failure
    }

    /// Why it is no success; `nil` if it is.
    var reason: String? {
        if case .failed(let failure) = self { failure.reason } else { nil }
    }
}

extension ObserverSet {
    /// Tells of an endpoint's health if it is another one than before.
    func tell(
        _ health: ActiveHealth,
        after previous: ActiveHealth,
        _ result: HealthProbeResult,
        of endpoint: EndpointAddress,
        in cluster: String
    ) {
        let (before, after) = (previous.combined(with: .healthy), health.combined(with: .healthy))
        guard before != after else { return }
        noticed(
            .endpointHealthChanged(cluster: cluster, endpoint: endpoint, health: "\(after)", reason: result.reason)
        )
    }
}
