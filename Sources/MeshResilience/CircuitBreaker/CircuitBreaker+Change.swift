// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Synchronization

extension CircuitBreaker {
    /// A change of state.
    public struct Change: Hashable, Sendable {
        /// The state before.
        public var from: CircuitBreakerStateMachine.State
        /// The state after.
        public var to: CircuitBreakerStateMachine.State
        /// Why.
        public var cause: CircuitBreakerStateMachine.Cause
        /// How many openings there have been since the last recovery, with this one.
        public var openings: Int
        /// Whether calls feel it; otherwise the breaker only observes.
        public var isEnforced: Bool
        /// Grows with each change: two that were told at the same time by two threads are put in order by it.
        public var generation: UInt64

        /// What an event changed; `nil` if it is the same state still, for another time perhaps.
        init?(from: CircuitBreakerStateMachine.State, by machine: CircuitBreakerStateMachine) {
            guard !from.isSameKind(as: machine.state) else { return nil }
            self.from = from
            self.to = machine.state
            self.cause = machine.cause
            self.openings = machine.openings
            self.isEnforced = machine.mode == .enforce
            self.generation = machine.generation
        }
    }

    /// The changes of state from now on. Ends when its task is cancelled, or when the breaker goes away.
    /// - Parameter limit: How many changes wait for a slow reader; the oldest are dropped first. At least 1.
    public func changes(keepingNewest limit: Int = 16) -> AsyncStream<Change> {
        listeners.stream(keepingNewest: limit)
    }

    /// Whoever reads the changes.
    final class Listeners: Sendable {
        private struct State {
            var next: UInt64 = 0
            var continuations: [UInt64: AsyncStream<Change>.Continuation] = [:]
        }

        private let state = Mutex(State())

        func stream(keepingNewest limit: Int) -> AsyncStream<Change> {
            let (stream, continuation) = AsyncStream.makeStream(
                of: Change.self,
                bufferingPolicy: .bufferingNewest(max(limit, 1))
            )
            let id = state.withLock { state in
                state.next += 1
                state.continuations[state.next] = continuation
                return state.next
            }
            continuation.onTermination = { [weak self] _ in self?.state.withLock { $0.continuations[id] = nil } }
            return stream
        }

        func tell(_ change: Change) {
            let continuations = state.withLock { Array($0.continuations.values) }
            for continuation in continuations { continuation.yield(change) }
        }

        deinit {
            // Nobody else is left who could change the table.
            for continuation in state.withLock({ Array($0.continuations.values) }) { continuation.finish() }
        }
    }
}

extension CircuitBreakerStateMachine.State {
    /// Whether both are the same state, until whenever that may be.
    func isSameKind(as other: Self) -> Bool {
        if case .open = self, case .open = other { return true }
        return self == other
    }
}
