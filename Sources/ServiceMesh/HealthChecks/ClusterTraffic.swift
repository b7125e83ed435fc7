// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Synchronization

/// Whether a request was ever sent to a cluster: health checks are rarer before.
final class ClusterTraffic: Sendable {
    private let mark = Atomic(false)

    /// Whether one was.
    var hasBegun: Bool { mark.load(ordering: .relaxed) }

    /// A request is sent. Nearly always this is a look at what nobody writes.
    @inline(__always)
    func note() {
        if !mark.load(ordering: .relaxed) { mark.store(true, ordering: .relaxed) }
    }
}
