// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import Synchronization

/// Keeps every configuration that a client has put in force, and lets a test wait for one.
final class ConfigurationLog: Sendable {
    private struct State {
        var applied: [MeshResources] = []
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    /// Where a configuration source delivers to.
    var sink: ConfigSink {
        ConfigSink(
            apply: { resources throws(ConfigurationError) in
                try resources.validate()
                return self.add(resources)
            },
            notice: { _ in }
        )
    }

    /// The configurations, in the order in which they came.
    var applied: [MeshResources] { state.withLock { $0.applied } }

    /// Waits until the latest configuration is as it should be. A test that waits in vain ends by its time limit.
    func wait(until isWanted: (MeshResources) -> Bool) async {
        while true {
            let seen = state.withLock { $0.applied.count }
            if let last = applied.last, isWanted(last) { return }
            await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
                let hasMore = state.withLock { state in
                    guard state.applied.count == seen else { return true }
                    state.waiters.append(continuation)
                    return false
                }
                if hasMore { continuation.resume() }
            }
        }
    }

    private func add(_ resources: MeshResources) -> UInt64 {
        let (count, waiters) = state.withLock { state in
            state.applied.append(resources)
            defer { state.waiters = [] }
            return (state.applied.count, state.waiters)
        }
        for waiter in waiters { waiter.resume() }
        return UInt64(count)
    }
}
