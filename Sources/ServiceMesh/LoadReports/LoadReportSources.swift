// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Synchronization

/// Who can ask endpoints for their load. It keeps nobody alive but the one that the configuration names.
final class LoadReportSources: Sendable {
    private struct Entry {
        weak var source: (any LoadReportSource)?
    }

    private let configured: (any LoadReportSource)?
    private let entries = Mutex<[Entry]>([])

    init(_ configured: (any LoadReportSource)?) {
        self.configured = configured
    }

    func add(_ source: any LoadReportSource) {
        entries.withLock { entries in
            entries.removeAll { $0.source == nil || $0.source === source }
            entries.append(Entry(source: source))
        }
    }

    /// The configured one, or else the one that came last and is still there.
    var current: (any LoadReportSource)? {
        configured ?? entries.withLock { $0.last { $0.source != nil }?.source }
    }
}
