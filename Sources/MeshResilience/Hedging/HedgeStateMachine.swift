// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

package import MeshCore

/// What is to be done for a hedged call; the effects are independent of each other.
package struct HedgeAction: Hashable, Sendable {
    /// A timer to be started in place of the one before.
    package struct Timer: Hashable, Sendable {
        /// What `timerFired` is told.
        package var token: UInt64
        /// After how long.
        package var delay: Nanoseconds

        package init(token: UInt64, delay: Nanoseconds) {
            self.token = token
            self.delay = delay
        }
    }

    /// How a call ends.
    package enum Ending: Hashable, Sendable {
        /// The attempt that ended just now is the answer.
        case answered
        /// The caller gave up.
        case cancelled
    }

    /// An attempt to begin, by its number.
    package var begin: Int?
    /// The budget is to be asked for one attempt more, which is wanted for that reason; the answer is an event.
    package var ask: PolicyDecision.Reason?
    /// A timer to start.
    package var timer: Timer?
    /// The call is over: every other attempt is cancelled.
    package var ending: Ending?

    /// Nothing.
    package static let none = HedgeAction()

    package init(
        begin: Int? = nil,
        ask: PolicyDecision.Reason? = nil,
        timer: Timer? = nil,
        ending: Ending? = nil
    ) {
        self.begin = begin
        self.ask = ask
        self.timer = timer
        self.ending = ending
    }
}

/// What a peer says of further attempts (gRPC A6, "pushback").
package enum HedgePushback: Hashable, Sendable {
    /// Nothing.
    case none
    /// The next one may begin after that time.
    case wait(Nanoseconds)
    /// There must be none.
    case stop
}

/// The attempts of one hedged call.
///
/// An attempt that is wanted costs budget, and a budget is not asked inside a lock: the machine asks (`ask`) and goes on
/// when the answer comes. A budget that is spent stops attempts from being begun and touches none that is under way.
package struct HedgeStateMachine: Sendable {
    private let maximum: Int
    private let delay: Nanoseconds?
    private let hedgesFailures: Bool

    private var begun = 0
    private var running = 0
    private var isOver = false
    /// The call is over because its caller gave up.
    package private(set) var isUnwanted = false
    /// The budget or a peer has said that no further attempt begins.
    private var isStopped = false
    private var isAsking = false
    private var timer: UInt64 = 0
    private var isTimerArmed = false
    private var isPushedBack = false

    /// Creates the state of a call.
    /// - Parameter delay: How long an attempt may take before the next begins beside it; `nil` for ever.
    package init(maximumAttempts: Int, delay: Nanoseconds?, hedgesFailures: Bool) {
        self.maximum = maximumAttempts
        self.delay = delay
        self.hedgesFailures = hedgesFailures
    }

    /// Attempts that have begun.
    package var attempts: Int { begun }
    /// Attempts that are under way.
    package var attemptsRunning: Int { running }
    /// Whether the caller has its answer.
    package var hasEnded: Bool { isOver }

    private var mayBegin: Bool { begun < maximum && !isStopped && !isOver }

    /// The call begins.
    package mutating func callBegan() -> HedgeAction {
        // The caller may have been cancelled between its decision to call and here.
        guard !isOver else { return .none }
        begun = 1
        running = 1
        var action = afterBeginning()
        action.begin = 1
        return action
    }

    /// A timer is due.
    package mutating func timerFired(_ token: UInt64) -> HedgeAction {
        guard isTimerArmed, token == timer else { return .none }
        isTimerArmed = false
        let reason: PolicyDecision.Reason = isPushedBack ? .pushback : .latency
        isPushedBack = false
        return want(because: reason)
    }

    /// The budget has answered.
    package mutating func budgetAnswered(_ isGranted: Bool) -> HedgeAction {
        guard isAsking else { return .none }
        isAsking = false
        guard !isOver else { return .none }
        guard isGranted else {
            isStopped = true
            isTimerArmed = false
            return endIfNothingIsLeft()
        }
        begun += 1
        running += 1
        var action = afterBeginning()
        action.begin = begun
        return action
    }

    /// An attempt has ended in a way that another may better.
    package mutating func attemptFailed(_ pushback: HedgePushback = .none) -> HedgeAction {
        guard running > 0 else { return .none }
        running -= 1
        guard !isOver else { return .none }
        switch pushback {
        case .stop:
            isStopped = true
            isTimerArmed = false
        case .wait(let time) where mayBegin && hedgesFailures && !isAsking:
            isPushedBack = true
            return HedgeAction(timer: armed(after: time))
        case .none where mayBegin && hedgesFailures && !isAsking && !isPushedBack:
            return want(because: .failure)
        default: break
        }
        return endIfNothingIsLeft()
    }

    /// An attempt has ended with the call's answer.
    /// - Returns: `nil` if the call was over, so that the answer is to be disposed of.
    package mutating func attemptAnswered() -> HedgeAction? {
        guard running > 0 else { return nil }
        running -= 1
        guard !isOver else { return nil }
        return end(.answered)
    }

    /// The caller gives up.
    package mutating func callerCancelled() -> HedgeAction {
        guard !isOver else { return .none }
        isUnwanted = true
        return end(.cancelled)
    }

    private mutating func want(because reason: PolicyDecision.Reason) -> HedgeAction {
        guard mayBegin, !isAsking else { return .none }
        isAsking = true
        return HedgeAction(ask: reason)
    }

    /// What follows when an attempt has begun: the next at once, or a timer for it, or nothing.
    private mutating func afterBeginning() -> HedgeAction {
        isTimerArmed = false
        guard mayBegin, let delay else { return .none }
        return delay == .zero ? want(because: .latency) : HedgeAction(timer: armed(after: delay))
    }

    private mutating func armed(after time: Nanoseconds) -> HedgeAction.Timer {
        timer += 1
        isTimerArmed = true
        return HedgeAction.Timer(token: timer, delay: time)
    }

    private mutating func endIfNothingIsLeft() -> HedgeAction {
        // With failures not hedged, a timer would begin an attempt after the call has failed: it does not count.
        let isMoreToCome = running > 0 || isAsking || (isTimerArmed && isPushedBack)
        return isMoreToCome ? .none : end(.answered)
    }

    private mutating func end(_ ending: HedgeAction.Ending) -> HedgeAction {
        isOver = true
        isTimerArmed = false
        return HedgeAction(ending: ending)
    }
}
