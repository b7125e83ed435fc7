// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Synchronization

/// Who can fetch key sets. It keeps nobody alive but the one that the configuration names.
final class KeySetFetchers: Sendable {
    private struct Entry {
        weak var fetcher: (any KeySetFetcher)?
    }

    private let configured: (any KeySetFetcher)?
    private let entries = Mutex<[Entry]>([])

    init(_ configured: (any KeySetFetcher)?) {
        self.configured = configured
    }

    func add(_ fetcher: any KeySetFetcher) {
        entries.withLock { entries in
            entries.removeAll { $0.fetcher == nil || $0.fetcher === fetcher }
            entries.append(Entry(fetcher: fetcher))
        }
    }

    /// Who makes other calls of the mesh's own.
    var calls: (any OwnCalls)? {
        entries.withLock { $0.reversed().lazy.compactMap { $0.fetcher as? any OwnCalls }.first }
    }

    /// The configured one, or else the one that came last and is still there.
    var current: (any KeySetFetcher)? {
        configured ?? entries.withLock { $0.last { $0.fetcher != nil }?.fetcher }
    }
}
