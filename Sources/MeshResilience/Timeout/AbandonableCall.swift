// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Synchronization

/// One call whose caller does not wait for an operation that ignores its cancellation.
final class AbandonableCall<Value: Sendable>: TimerTarget {
    /// What the caller gets.
    enum Answer: Sendable {
        /// What the operation returned or threw, and what its end means.
        case ended(Result<Value, any Error>, TimeoutStateMachine.Ending)
        /// Nothing: it walked away, because the time was up or because it was cancelled.
        case left(isTimeout: Bool)
    }

    private struct State {
        var machine = TimeoutStateMachine()
        var task: Task<Void, Never>?
        var caller: CheckedContinuation<Answer, Never>?
        /// The answer of a call that was over before its caller waited for it.
        var early: Answer?
        var hasLeft = false
    }

    private let state = Mutex(State())
    private let abandoned: AbandonedWork
    private let dispose: (@Sendable (Value) -> Void)?

    init(abandoned: AbandonedWork, dispose: (@Sendable (Value) -> Void)?) {
        self.abandoned = abandoned
        self.dispose = dispose
    }

    /// The operation runs; if it was given up before its task was known, it is cancelled now.
    func started(_ task: Task<Void, Never>) {
        let isGivenUp = state.withLock { state in
            state.task = task
            return state.machine.isGivenUp
        }
        if isGivenUp { task.cancel() }
    }

    /// What the operation came to, or that its caller need not wait for it.
    func answer() async -> Answer {
        await withCheckedContinuation { (continuation: CheckedContinuation<Answer, Never>) in
            let early = state.withLock { state -> Answer? in
                if let early = state.early { return early }
                state.caller = continuation
                return nil
            }
            if let early { continuation.resume(returning: early) }
        }
    }

    func timerFired(_ token: UInt64) {
        giveUp(isTimeout: true)
    }

    func callerCancelled() {
        giveUp(isTimeout: false)
    }

    /// Cancels the operation, and lets the caller go if there is room for one more that nobody waits for.
    private func giveUp(isTimeout: Bool) {
        let (task, caller) = state.withLock {
            state -> (Task<Void, Never>?, CheckedContinuation<Answer, Never>?) in
            guard isTimeout ? state.machine.timerFired() : state.machine.callerCancelled() else { return (nil, nil) }
            state.hasLeft = abandoned.began()
            guard state.hasLeft else { return (state.task, nil) }
            if state.caller == nil { state.early = .left(isTimeout: isTimeout) }
            return (state.task, state.caller.take())
        }
        task?.cancel()
        caller?.resume(returning: .left(isTimeout: isTimeout))
    }

    func operationEnded(_ result: Result<Value, any Error>) {
        let (ending, hasLeft, caller) = state.withLock { state in
            let ending = state.machine.operationEnded()
            state.task = nil
            if !state.hasLeft, state.caller == nil { state.early = .ended(result, ending) }
            return (ending, state.hasLeft, state.caller.take())
        }
        caller?.resume(returning: .ended(result, ending))
        guard hasLeft else { return }
        abandoned.ended()
        if case .success(let value) = result { dispose?(value) }
    }
}

/// How many operations go on that nobody waits for, and how many may.
final class AbandonedWork: Sendable {
    private let running = Atomic(0)
    private let maximum: Int

    init(maximum: Int) {
        self.maximum = maximum
    }

    var count: Int { running.load(ordering: .relaxed) }
    var isFull: Bool { count >= maximum }

    /// One more may go on.
    /// - Returns: `false` if there is no room.
    func began() -> Bool {
        guard running.wrappingAdd(1, ordering: .relaxed).newValue <= maximum else {
            ended()
            return false
        }
        return true
    }

    func ended() {
        running.wrappingSubtract(1, ordering: .relaxed)
    }
}
