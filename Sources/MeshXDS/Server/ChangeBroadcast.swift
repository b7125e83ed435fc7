// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Synchronization

/// Tells any number of listeners that something has changed; what a listener has not heard yet is told once.
package final class ChangeBroadcast: Sendable {
    private struct State {
        var nextID: UInt64 = 0
        var listeners: [UInt64: AsyncStream<Void>.Continuation] = [:]
    }

    private let state = Mutex(State())

    /// Creates a broadcast that nobody listens to.
    package init() {}

    /// A sequence of ticks that ends with its task.
    package func listen() -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let id = state.withLock { state in
            state.nextID += 1
            state.listeners[state.nextID] = continuation
            return state.nextID
        }
        // The stream keeps the broadcast's listeners, not the broadcast: nobody owns anybody in a circle.
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { _ = $0.listeners.removeValue(forKey: id) }
        }
        return stream
    }

    /// Something has changed.
    package func tick() {
        let listeners = state.withLock { Array($0.listeners.values) }
        for listener in listeners { listener.yield() }
    }

    /// How many listen.
    package var listenerCount: Int { state.withLock { $0.listeners.count } }
}
