// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// The system's clock, faster: for waits of many seconds beside a real connection, which knows nothing of virtual time.
struct HurriedClock: MeshClock {
    /// How many of its seconds are one of the system's.
    let factor: UInt64
    private let system = SystemClock()
    private let start: MeshInstant

    init(factor: UInt64) {
        self.factor = factor
        start = system.now
    }

    var now: MeshInstant {
        start.advanced(by: Nanoseconds(rawValue: system.now.elapsed(since: start).rawValue * factor))
    }

    func sleep(until deadline: MeshInstant) async throws {
        let wait = Nanoseconds(rawValue: deadline.elapsed(since: start).rawValue / factor + 1)
        try await system.sleep(until: start.advanced(by: wait))
    }
}
