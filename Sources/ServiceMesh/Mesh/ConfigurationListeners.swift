// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Synchronization

/// Whoever has to do something when another configuration is in force.
package protocol ConfigurationListener: AnyObject, Sendable {
    /// Another configuration is in force. Called outside every lock, on the thread of whoever brought it.
    func configurationChanged()
}

/// Those who listen to a mesh. It keeps none of them alive.
final class ConfigurationListeners: Sendable {
    private struct Entry {
        weak var listener: (any ConfigurationListener)?
    }

    private let entries = Mutex<[ObjectIdentifier: Entry]>([:])

    func add(_ listener: any ConfigurationListener) {
        entries.withLock { entries in
            entries = entries.filter { $0.value.listener != nil }
            entries[ObjectIdentifier(listener)] = Entry(listener: listener)
        }
    }

    func tell() {
        for listener in entries.withLock({ $0.values.compactMap(\.listener) }) { listener.configurationChanged() }
    }
}
