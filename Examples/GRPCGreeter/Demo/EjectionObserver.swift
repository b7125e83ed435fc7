// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Synchronization

/// Hears of ejections, and says so.
final class EjectionObserver: Observer {
    private let ejections = Atomic<Int>(0)

    /// How many endpoints were ejected.
    var count: Int { ejections.load(ordering: .relaxed) }

    func noticed(_ event: MeshEvent) {
        guard case .endpointEjected(let cluster, let endpoint, _, _, let reason) = event else { return }
        ejections.wrappingAdd(1, ordering: .relaxed)
        print("     \(endpoint) of \(cluster) is ejected: \(reason)")
    }
}
