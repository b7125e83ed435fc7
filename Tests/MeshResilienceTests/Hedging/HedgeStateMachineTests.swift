// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshResilience
import Testing

@Suite struct HedgeStateMachineTests {
    private enum Event: Sendable {
        case timer
        case granted
        case refused
        case failed(HedgePushback)
        case answered
        case cancelled
    }

    private struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var maximum: Int
        var delay: Nanoseconds?
        var hedgesFailures = true
        var events: [Event]
        var actions: [HedgeAction]
    }

    private static func timer(_ token: UInt64, _ milliseconds: UInt64) -> HedgeAction.Timer {
        HedgeAction.Timer(token: token, delay: .milliseconds(milliseconds))
    }

    private static let cases: [Case] = [
        Case(
            testDescription: "row 100: a primary that answers before the delay is the only attempt",
            maximum: 2,
            delay: .milliseconds(2000),
            events: [.answered],
            actions: [HedgeAction(ending: .answered)]
        ),
        Case(
            testDescription: "a slow primary is hedged when the budget grants it",
            maximum: 3,
            delay: .milliseconds(5),
            events: [.timer, .granted, .timer, .granted, .answered],
            actions: [
                HedgeAction(ask: .latency), HedgeAction(begin: 2, timer: timer(2, 5)), HedgeAction(ask: .latency),
                HedgeAction(begin: 3), HedgeAction(ending: .answered),
            ]
        ),
        Case(
            testDescription: "row 101: without a delay every attempt is asked for at once",
            maximum: 3,
            delay: .zero,
            events: [.granted, .granted, .failed(.none), .failed(.none), .failed(.none)],
            actions: [
                HedgeAction(begin: 2, ask: .latency), HedgeAction(begin: 3), .none, .none,
                HedgeAction(ending: .answered),
            ]
        ),
        Case(
            testDescription: "row 102: after failure, the next begins only when the one before has failed",
            maximum: 2,
            delay: nil,
            events: [.failed(.none), .granted, .failed(.none)],
            actions: [HedgeAction(ask: .failure), HedgeAction(begin: 2), HedgeAction(ending: .answered)]
        ),
        Case(
            testDescription: "row 106: a budget that is spent stops hedges and lets those under way go on",
            maximum: 3,
            delay: .milliseconds(5),
            events: [.timer, .granted, .timer, .refused, .failed(.none), .answered],
            actions: [
                HedgeAction(ask: .latency), HedgeAction(begin: 2, timer: timer(2, 5)), HedgeAction(ask: .latency),
                .none,
                .none, HedgeAction(ending: .answered),
            ]
        ),
        Case(
            testDescription: "a budget that refuses the last hope ends the call",
            maximum: 2,
            delay: nil,
            events: [.failed(.none), .refused],
            actions: [HedgeAction(ask: .failure), HedgeAction(ending: .answered)]
        ),
        Case(
            testDescription: "Finagle, Tower: a failure is not hedged, and ends the call if nothing else runs",
            maximum: 2,
            delay: .milliseconds(5),
            hedgesFailures: false,
            events: [.failed(.none)],
            actions: [HedgeAction(ending: .answered)]
        ),
        Case(
            testDescription: "Finagle, Tower: a failure waits for the hedge that runs",
            maximum: 2,
            delay: .milliseconds(5),
            hedgesFailures: false,
            events: [.timer, .granted, .failed(.none), .answered],
            actions: [HedgeAction(ask: .latency), HedgeAction(begin: 2), .none, HedgeAction(ending: .answered)]
        ),
        Case(
            testDescription: "gRPC: pushback delays the next attempt, and the delay follows from there",
            maximum: 3,
            delay: .milliseconds(5),
            events: [.failed(.wait(.milliseconds(50))), .timer, .granted, .answered],
            actions: [
                HedgeAction(timer: timer(2, 50)), HedgeAction(ask: .pushback),
                HedgeAction(begin: 2, timer: timer(3, 5)),
                HedgeAction(ending: .answered),
            ]
        ),
        Case(
            testDescription: "gRPC: negative pushback forbids further attempts and leaves those under way",
            maximum: 3,
            delay: .milliseconds(5),
            events: [.timer, .granted, .failed(.stop), .timer, .failed(.none)],
            actions: [
                HedgeAction(ask: .latency), HedgeAction(begin: 2, timer: timer(2, 5)), .none, .none,
                HedgeAction(ending: .answered),
            ]
        ),
        Case(
            testDescription: "a cancelled caller ends the call, and a budget that answers then begins nothing",
            maximum: 3,
            delay: .milliseconds(5),
            events: [.timer, .cancelled, .granted, .timer, .failed(.none), .cancelled],
            actions: [HedgeAction(ask: .latency), HedgeAction(ending: .cancelled), .none, .none, .none, .none]
        ),
    ]

    @Test(arguments: cases)
    private func `rows 100–102, 106: what an event leads to`(example: Case) {
        var machine = HedgeStateMachine(
            maximumAttempts: example.maximum,
            delay: example.delay,
            hedgesFailures: example.hedgesFailures
        )
        var timer: UInt64 = 0
        func note(_ action: HedgeAction) -> HedgeAction {
            timer = action.timer?.token ?? timer
            return action
        }
        let first = note(machine.callBegan())
        #expect(first.begin == 1)
        for (event, expected) in zip(example.events, example.actions) {
            let action: HedgeAction =
                switch event {
                case .timer: machine.timerFired(timer)
                case .granted: machine.budgetAnswered(true)
                case .refused: machine.budgetAnswered(false)
                case .failed(let pushback): machine.attemptFailed(pushback)
                case .answered: machine.attemptAnswered() ?? .none
                case .cancelled: machine.callerCancelled()
                }
            let noted = note(action)
            #expect(noted == expected)
        }
    }

    @Test func `a timer of before means nothing`() {
        var machine = HedgeStateMachine(maximumAttempts: 3, delay: .milliseconds(5), hedgesFailures: true)
        let first = machine.callBegan().timer
        _ = machine.attemptFailed()
        _ = machine.budgetAnswered(true)
        let stale = machine.timerFired(first?.token ?? 0)
        #expect(stale == .none)
        let unknown = machine.timerFired(99)
        #expect(unknown == .none)
    }

    @Test func `a random walk: attempts are bounded, one answer, and never a call that waits for nothing`() {
        let random = MeshRandom(seed: 3)
        var steps = 0
        while steps < 150_000 {
            let maximum = Int(random.below(5)) + 1
            let delays: [Nanoseconds?] = [nil, .zero, .milliseconds(5)]
            let delay = delays[Int(random.below(3))]
            let hedgesFailures = delay == nil || random.below(2) == 0
            var machine = HedgeStateMachine(maximumAttempts: maximum, delay: delay, hedgesFailures: hedgesFailures)
            var (asked, timer, endings, begun) = (false, nil as UInt64?, 0, 0)
            func follow(_ action: HedgeAction) {
                if let number = action.begin {
                    begun += 1
                    if number != begun { Issue.record("attempt \(number) begun as number \(begun)") }
                }
                if action.ask != nil { asked = true }
                if let armed = action.timer { timer = armed.token }
                if action.ending != nil { endings += 1 }
            }
            follow(machine.callBegan())
            for _ in 0..<60 {
                steps += 1
                switch random.below(9) {
                case 0, 1:
                    if let token = timer {
                        timer = nil
                        follow(machine.timerFired(token))
                    }
                case 2, 3, 4:
                    if asked {
                        asked = false
                        follow(machine.budgetAnswered(random.below(4) > 0))
                    }
                case 5: if machine.attemptsRunning > 0 { follow(machine.attemptFailed()) }
                case 6:
                    let pushback: HedgePushback = random.below(2) == 0 ? .stop : .wait(.milliseconds(9))
                    if machine.attemptsRunning > 0 { follow(machine.attemptFailed(pushback)) }
                case 7: if random.below(3) == 0, let action = machine.attemptAnswered() { follow(action) }
                default: if random.below(6) == 0 { follow(machine.callerCancelled()) }
                }
                let isWaitingForSomething = machine.attemptsRunning > 0 || asked || timer != nil
                guard
                    machine.attempts == begun, begun <= maximum, endings <= 1, machine.hasEnded == (endings == 1),
                    machine.hasEnded || isWaitingForSomething
                else {
                    Issue.record("step \(steps): \(machine), \(endings) endings, asked \(asked)")
                    return
                }
            }
        }
    }
}
