// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Synchronization

/// One call under a cooperative timeout: cancels its operation when the timer fires.
final class TimedCall<Value: Sendable>: TimerTarget {
    private struct State {
        var machine = TimeoutStateMachine()
        var task: Task<Value, any Error>?
    }

    private let state = Mutex(State())

    /// The operation runs; if it was given up before its task was known, it is cancelled now.
    func started(_ task: Task<Value, any Error>) {
        let isGivenUp = state.withLock { state in
            state.task = task
            return state.machine.isGivenUp
        }
        if isGivenUp { task.cancel() }
    }

    func timerFired(_ token: UInt64) {
        let task = state.withLock { $0.machine.timerFired() ? $0.task : nil }
        task?.cancel()
    }

    func callerCancelled() {
        let task = state.withLock { $0.machine.callerCancelled() ? $0.task : nil }
        task?.cancel()
    }

    func ended() -> TimeoutStateMachine.Ending {
        state.withLock { state in
            state.task = nil
            return state.machine.operationEnded()
        }
    }
}
