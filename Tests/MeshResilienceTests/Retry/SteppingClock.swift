// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Synchronization

/// A clock on which every wait is over at once and is written down: for tests that look at waits, not at what happens
/// during them.
final class SteppingClock: MeshClock {
    private let state = Mutex((now: MeshInstant(nanoseconds: 1_000_000_000), waits: [Nanoseconds]()))

    var now: MeshInstant { state.withLock { $0.now } }
    /// The waits until now, in order.
    var waits: [Nanoseconds] { state.withLock { $0.waits } }

    func sleep(until deadline: MeshInstant) async throws {
        try Task.checkCancellation()
        state.withLock { state in
            state.waits.append(deadline.elapsed(since: state.now))
            state.now = max(state.now, deadline)
        }
    }

    func advance(by time: Nanoseconds) {
        state.withLock { $0.now = $0.now.advanced(by: time) }
    }
}
