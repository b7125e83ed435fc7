// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

extension Deadline {
    /// The last instant at which the turn of a call may come for which it makes sense to wait.
    func latestTurn(at now: MeshInstant, waitingAtMost wait: Nanoseconds) -> MeshInstant {
        let latest = now.advanced(by: wait)
        if isNever { return latest }
        // A turn at the deadline leaves no time for the call.
        return min(latest, MeshInstant(nanoseconds: max(instant.nanoseconds, 1) - 1))
    }
}
