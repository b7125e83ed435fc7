// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Synchronization

/// Lets any number of tasks wait for something that happens once.
package final class ReadinessGate: Sendable {
    private struct State {
        var outcome: Result<Void, any Error>?
        var nextID: UInt64 = 0
        var waiters: [UInt64: CheckedContinuation<Void, any Error>] = [:]
        var cancelledBeforeWaiting: Set<UInt64> = []
    }

    private let state = Mutex(State())

    package init() {}

    /// Whether it has happened.
    package var isOpen: Bool {
        state.withLock { if case .success = $0.outcome { true } else { false } }
    }

    /// It has happened: everybody goes on.
    package func open() { settle(.success(())) }

    /// It will never happen: everybody who waits, now or later, gets the error. Without effect on an open gate.
    package func fail(_ error: any Error) { settle(.failure(error)) }

    /// Waits until it has happened.
    /// - Throws: `CancellationError` if the task is cancelled first, or the error that the gate failed with.
    package func wait() async throws {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                let outcome = state.withLock { state -> Result<Void, any Error>? in
                    if let outcome = state.outcome { return outcome }
                    if state.cancelledBeforeWaiting.remove(id) != nil { return .failure(CancellationError()) }
                    state.waiters[id] = continuation
                    return nil
                }
                if let outcome { continuation.resume(with: outcome) }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                let waiter = state.waiters.removeValue(forKey: id)
                if waiter == nil, state.outcome == nil { state.cancelledBeforeWaiting.insert(id) }
                return waiter
            }
            waiter?.resume(throwing: CancellationError())
        }
    }

    private func settle(_ outcome: Result<Void, any Error>) {
        let waiters = state.withLock { state -> [CheckedContinuation<Void, any Error>] in
            guard state.outcome == nil else { return [] }
            state.outcome = outcome
            state.cancelledBeforeWaiting = []
            defer { state.waiters = [:] }
            return Array(state.waiters.values)
        }
        for waiter in waiters { waiter.resume(with: outcome) }
    }
}
