// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// Waiting as part of what a script asked for: a slow reader, a slow writer, a caller that gives up.
enum Pause {
    static func milliseconds(_ count: UInt64) async throws {
        let clock = SystemClock()
        try await clock.sleep(until: clock.now.advanced(by: .milliseconds(count)))
    }
}
