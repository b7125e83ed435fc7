// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Synchronization

/// A load of the system that a test sets.
final class SettableLoad: Sendable {
    private let current = Mutex(0.0)

    var value: Double {
        get { current.withLock { $0 } }
        set { current.withLock { $0 = newValue } }
    }
}
