// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// A request that a load shedder admitted. Whoever holds it says that it was served; dropping it says that it was not.
public struct LoadShedderPermit: ~Copyable, Sendable {
    /// `nil` where nothing is counted: the shedder is disabled, or would have refused and only observes.
    private let shedder: LoadShedder?
    private let startedAt: MeshInstant
    private var isServed = false

    init(_ shedder: LoadShedder?, startedAt: MeshInstant) {
        self.shedder = shedder
        self.startedAt = startedAt
    }

    deinit {
        shedder?.leave(startedAt: startedAt, isServed: isServed)
    }

    /// The request was served: its latency and the throughput count.
    public consuming func served() {
        // It is told where the permit ends, which is here.
        isServed = true
    }
}
