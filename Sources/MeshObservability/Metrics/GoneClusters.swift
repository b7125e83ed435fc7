// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Synchronization

/// The clusters that a configuration took away: what is counted of them may still come to an end.
final class GoneClusters: Sendable {
    /// How many are remembered of those that have no connections: the last ones. Those that have are bounded by the
    /// number of series.
    static let maximumCount = 1024

    private let names = Mutex<[String]>([])

    /// A configuration is in force.
    /// - Parameter isInUse: Whether a cluster has connections, whose end is to be counted, however late it comes.
    /// - Returns: Those that are gone, of before, too: a request of one may have ended after it was forgotten.
    func changed(
        added: Set<String>,
        removed: Set<String>,
        isInUse: @Sendable (String) -> Bool = { _ in false }
    ) -> Set<String> {
        names.withLock { names in
            names.removeAll { added.contains($0) || removed.contains($0) }
            names += removed.sorted()
            let surplus = names.count - Self.maximumCount
            if surplus > 0 { names = names.prefix(surplus).filter(isInUse) + names.suffix(Self.maximumCount) }
            return Set(names)
        }
    }

    /// A cluster's last connection has ended: what its requests count comes now, so that it is of the last ones again.
    /// - Returns: Whether the cluster is gone.
    /// - Complexity: O(n) in the number of those that are remembered.
    func ended(_ name: String) -> Bool {
        names.withLock { names in
            guard let index = names.firstIndex(of: name) else { return false }
            names.append(names.remove(at: index))
            return true
        }
    }
}
