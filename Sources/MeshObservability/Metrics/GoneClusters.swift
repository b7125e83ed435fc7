// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Synchronization

/// The clusters that a configuration took away: what is counted of them may still come to an end.
final class GoneClusters: Sendable {
    /// How many are remembered, the last ones.
    static let maximumCount = 1024

    private let names = Mutex<[String]>([])

    /// A configuration is in force.
    /// - Returns: Those that are gone, of before, too: a request of one may have ended after it was forgotten.
    func changed(added: Set<String>, removed: Set<String>) -> Set<String> {
        names.withLock { names in
            names.removeAll { added.contains($0) || removed.contains($0) }
            names += removed.sorted()
            names = names.suffix(Self.maximumCount)
            return Set(names)
        }
    }

    /// Whether a cluster is gone.
    /// - Complexity: O(n) in the number of those that are remembered.
    func contains(_ name: String) -> Bool { names.withLock { $0.contains(name) } }
}
