// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Synchronization

/// One call with all its attempts.
///
/// Events come from the attempts and from the timer wheel; what they lead to is done by the caller's own task, which
/// waits here and is woken for it. So every attempt inherits the caller's task-local values and priority, and nothing is
/// begun on the wheel's task.
final class HedgedCall<Value: Sendable>: TimerTarget {
    typealias Ended = Result<Value, any Error>

    private struct State {
        var machine: HedgeStateMachine
        var tasks: [Task<Void, Never>] = []
        var timer: TimerTicket?
        /// What the caller has to do when it wakes.
        var actions: [HedgeAction] = []
        var caller: CheckedContinuation<Void, Never>?
        /// The last attempt that failed: the call's answer if none does better.
        var failure: Ended?
        var answer: Ended?
    }

    private let hedging: Hedging
    private let verdict: @Sendable (Ended) -> HedgeVerdict
    private let dispose: (@Sendable (Ended) -> Void)?
    private let attempt: @Sendable (Int) async throws -> Value
    private let state: Mutex<State>

    init(
        _ hedging: Hedging,
        delay: Nanoseconds?,
        verdict: @escaping @Sendable (Ended) -> HedgeVerdict,
        dispose: (@Sendable (Ended) -> Void)?,
        attempt: @escaping @Sendable (Int) async throws -> Value
    ) {
        self.hedging = hedging
        self.verdict = verdict
        self.dispose = dispose
        self.attempt = attempt
        let configuration = hedging.configuration
        self.state = Mutex(
            State(
                machine: HedgeStateMachine(
                    maximumAttempts: configuration.maximumAttempts,
                    delay: delay,
                    hedgesFailures: configuration.hedgesFailures
                )
            )
        )
    }

    func run() async -> Ended {
        await withTaskCancellationHandler {
            perform(state.withLock { $0.machine.callBegan() })
            while true {
                let (actions, answer) = await work()
                if let answer { return answer }
                for action in actions { perform(action) }
            }
        } onCancel: {
            callerCancelled()
        }
    }

    func timerFired(_ token: UInt64) {
        settle { $0.machine.timerFired(token) }
    }

    private func callerCancelled() {
        var unwanted: Ended?
        settle { state in
            let action = state.machine.callerCancelled()
            guard action.ending != nil else { return action }
            // A failure that was kept in case nothing better came may hold an open exchange.
            unwanted = state.failure.take()
            state.answer = .failure(CancellationError())
            return action
        }
        if let unwanted { dispose?(unwanted) }
    }

    /// Waits for something to do, or for the answer.
    private func work() async -> ([HedgeAction], Ended?) {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            let isReady = state.withLock { state in
                if state.answer != nil || !state.actions.isEmpty { return true }
                state.caller = continuation
                return false
            }
            if isReady { continuation.resume() }
        }
        return state.withLock { state in
            defer { state.actions = [] }
            return (state.actions, state.answer)
        }
    }

    /// Lets an event change the state, and wakes the caller if there is something for it to do.
    private func settle(_ event: (inout State) -> HedgeAction, beforeWaking: () -> Void = {}) {
        let (losers, timer, caller) = state.withLock {
            state -> ([Task<Void, Never>], TimerTicket?, CheckedContinuation<Void, Never>?) in
            let action = event(&state)
            guard action != .none else { return ([], nil, nil) }
            guard action.ending != nil else {
                state.actions.append(action)
                return ([], nil, state.caller.take())
            }
            defer { state.tasks = [] }
            return (state.tasks, state.timer.take(), state.caller.take())
        }
        beforeWaking()
        if let timer { hedging.timers.cancel(timer) }
        for loser in losers { loser.cancel() }
        caller?.resume()
    }

    /// Does what an event led to; only ever on the caller's task.
    private func perform(_ action: HedgeAction) {
        var action = action
        var held: HeldPermit?
        while true {
            if let timer = action.timer { arm(timer) }
            if let number = action.begin { begin(number, held) }
            guard let reason = action.ask else { return }
            switch hedging.withdraw() {
            case .refused:
                action = state.withLock { $0.machine.budgetAnswered(false) }
                hedging.tell(.refused, because: .budget)
            case .granted(let permit):
                held = permit
                action = state.withLock { $0.machine.budgetAnswered(true) }
                // Nothing begins when the call ended while its budget was asked.
                if action.begin != nil { hedging.tell(.hedged, because: reason) } else { permit?.giveBack() }
            }
            if action.ending != nil {
                let end = action
                // The machine ends a call here only after its last attempt has failed, so that there is a failure.
                settle { state in
                    state.answer = state.failure.take() ?? .failure(CancellationError())
                    return end
                }
                return
            }
        }
    }

    private func arm(_ timer: HedgeAction.Timer) {
        let clock = hedging.timers.clock
        let ticket = hedging.timers.arm(until: clock.now.advanced(by: timer.delay), self, token: timer.token)
        let stale = state.withLock { state -> TimerTicket? in
            if state.machine.hasEnded { return ticket }
            defer { state.timer = ticket }
            return state.timer
        }
        if let stale { hedging.timers.cancel(stale) }
    }

    private func begin(_ number: Int, _ held: HeldPermit?) {
        // The call owns the task: it cancels it when the call is over, and its result comes back in `ended`, where one that
        // comes too late is disposed of. A task that ignores its cancellation goes on; nobody waits for it.
        let task = Task<Void, Never>.eager { [self] in
            let began = hedging.timers.clock.now
            let result: Ended
            do {
                result = .success(try await attempt(number))
            } catch {
                result = .failure(error)
            }
            held?.giveBack()
            ended(number, result, began: began)
        }
        let isOver = state.withLock { state in
            if state.machine.hasEnded { return true }
            state.tasks.append(task)
            return false
        }
        if isOver { task.cancel() }
    }

    private func ended(_ number: Int, _ result: Ended, began: MeshInstant) {
        // How long a caller had patience says nothing about how long the peer takes.
        if number == 1, !state.withLock({ $0.machine.isUnwanted }) { hedging.firstAttemptEnded(began: began) }
        let verdict = verdict(result)
        var unwanted: [Ended] = []
        var goesOn = false
        settle { state in
            let action: HedgeAction?
            switch verdict {
            case .answer: action = state.machine.attemptAnswered()
            case .failure(let pushback):
                // The last to fail is what the caller gets if none answers, as in Polly; the one before is of no use.
                if state.machine.hasEnded {
                    unwanted.append(result)
                } else if let before = state.failure.take() {
                    unwanted.append(before)
                }
                if !state.machine.hasEnded { state.failure = result }
                action = state.machine.attemptFailed(pushback)
                goesOn = !state.machine.hasEnded
            }
            guard let action else {
                unwanted.append(result)
                return .none
            }
            if action.ending != nil {
                state.answer = result
                if case .answer = verdict, let failure = state.failure.take() { unwanted.append(failure) }
                state.failure = nil
            }
            return action
        } beforeWaking: {
            // A throttle hears of the failure before it is asked for the attempt that follows.
            if goesOn { hedging.attemptFailed() }
        }
        for result in unwanted { dispose?(result) }
    }
}
