// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Synchronization

/// A clock on which a wait takes as many turns of the scheduler as it has milliseconds, up to 200, and never any time: for
/// tests in which many calls meet in every order that there is.
final class YieldingClock: MeshClock {
    private let state = Mutex(MeshInstant(nanoseconds: 1_000_000_000))

    var now: MeshInstant { state.withLock { $0 } }

    func sleep(until deadline: MeshInstant) async throws {
        try Task.checkCancellation()
        let turns = min(deadline.elapsed(since: now).rawValue / 1_000_000 + 1, 200)
        for _ in 0..<turns {
            await Task.yield()
            try Task.checkCancellation()
        }
        state.withLock { $0 = max($0, deadline) }
    }
}
