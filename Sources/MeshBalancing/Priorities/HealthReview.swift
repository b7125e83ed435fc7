// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Synchronization

/// Who of a cluster may be used at an instant, and until when that holds if nobody says otherwise.
struct HealthReview {
    private let now: MeshInstant
    private let priorities: PriorityMode
    /// Until when it holds, in nanoseconds of the mesh's clock: the end of the first ejection or wait.
    private(set) var validUntil = UInt64.max

    init(at now: MeshInstant, priorities: PriorityMode) {
        self.now = now
        self.priorities = priorities
    }

    /// What a priority has to offer.
    mutating func availability(of group: PriorityGroup, factor: Int) -> PriorityLoad.Availability {
        var counts = PriorityLoad.Availability(total: 0, healthy: 0, overprovisioningFactor: factor)
        for place in group.places {
            for endpoint in place.endpoints {
                if !endpoint.isExcluded { counts.total += 1 }
                if isHealthy(endpoint) { counts.healthy += 1 }
                if isDegraded(endpoint) { counts.degraded += 1 }
                note(endpoint.ejectedUntil.load(ordering: .relaxed))
                if let end = waitEnd(of: endpoint) { note(end) }
            }
        }
        return counts
    }

    func isHealthy(_ endpoint: EndpointState) -> Bool {
        if endpoint.isEjected(at: now) { return false }
        return endpoint.health == .healthy || (waitEnd(of: endpoint) ?? 0) > now.nanoseconds
    }

    /// Whether it is a stopgap; gRPC knows none (gRFC A27: endpoints that are neither healthy nor unknown are not used).
    func isDegraded(_ endpoint: EndpointState) -> Bool {
        guard case .spill = priorities else { return false }
        return endpoint.health == .degraded && !endpoint.isEjected(at: now)
    }

    /// Until when an endpoint that nothing is known of is waited for; `nil` if it is not.
    private func waitEnd(of endpoint: EndpointState) -> UInt64? {
        guard case .failover(let timer) = priorities, endpoint.isPending else { return nil }
        return endpoint.joinedAt.advanced(by: timer).nanoseconds
    }

    private mutating func note(_ end: UInt64) {
        if end > now.nanoseconds { validUntil = min(validUntil, end) }
    }
}
