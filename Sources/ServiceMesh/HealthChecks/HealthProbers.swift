// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Synchronization

/// Who can ask endpoints how they are. It keeps nobody alive but the one that the configuration names.
final class HealthProbers: Sendable {
    private struct Entry {
        weak var prober: (any HealthProber)?
    }

    private let configured: (any HealthProber)?
    private let entries = Mutex<[Entry]>([])

    init(_ configured: (any HealthProber)?) {
        self.configured = configured
    }

    func add(_ prober: any HealthProber) {
        entries.withLock { entries in
            entries.removeAll { $0.prober == nil || $0.prober === prober }
            entries.append(Entry(prober: prober))
        }
    }

    /// The configured one, or else the one that came last and is still there.
    var current: (any HealthProber)? {
        configured ?? entries.withLock { $0.last { $0.prober != nil }?.prober }
    }
}
