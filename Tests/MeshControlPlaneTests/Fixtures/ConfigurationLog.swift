// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import Synchronization

/// Keeps every configuration that a client has put in force, and lets a test wait for one.
final class ConfigurationLog: Sendable {
    private struct State {
        var applied: [MeshResources] = []
        var waiters: [UInt64: CheckedContinuation<Void, any Error>] = [:]
        var nextWaiter: UInt64 = 0
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

    /// Waits until the latest configuration is as it should be, or until the test's time limit cancels the task.
    func wait(until isWanted: (MeshResources) -> Bool) async throws {
        while true {
            let seen = state.withLock { $0.applied.count }
            if let last = applied.last, isWanted(last) { return }
            try await change(after: seen)
        }
    }

    private func change(after seen: Int) async throws {
        let number = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                let outcome: Result<Void, any Error>? = state.withLock { state in
                    if Task.isCancelled { return .failure(CancellationError()) }
                    guard state.applied.count == seen else { return .success(()) }
                    state.waiters[number] = continuation
                    return nil
                }
                if let outcome { continuation.resume(with: outcome) }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: number) }?.resume(throwing: CancellationError())
        }
    }

    private func add(_ resources: MeshResources) -> UInt64 {
        let (count, waiters) = state.withLock { state in
            state.applied.append(resources)
            defer { state.waiters = [:] }
            return (state.applied.count, state.waiters)
        }
        for waiter in waiters.values { waiter.resume() }
        return UInt64(count)
    }
}
